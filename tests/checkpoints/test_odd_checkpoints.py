"""Containers and names of common trainers, and invalid entries."""

import pytest
import torch
from safetensors.torch import save_file

from bsroformer.checkpoints import open_checkpoint
from bsroformer.errors import InputError

REFERENCE = "tests/reference/bs_vocals"


@pytest.fixture(scope="module")
def weights(request):
    path = request.config.rootpath / f"{REFERENCE}.ckpt"
    return torch.load(path, weights_only=True)


@pytest.fixture
def opened(tmp_path, request):
    def open_saved(entries):
        torch.save(entries, tmp_path / "x.ckpt")
        return open_checkpoint(tmp_path / "x.ckpt", request.config.rootpath / f"{REFERENCE}.yaml")

    return open_saved


def first_weight(checkpoint):
    return next(iter(checkpoint.model().state_dict().values()))


@pytest.mark.parametrize("container", ["net", "params", "network", "state_dict", "ema_state_dict"])
def test_weights_are_found_in_any_container(weights, opened, container):
    wrapped = {f"module.{key}": tensor for key, tensor in weights.items()}
    found = opened({"epoch": 3, container: wrapped})
    assert torch.equal(first_weight(found), first_weight(opened(weights)))


def test_averaged_weights_are_preferred_and_named(weights, opened):
    average = {f"ema_model.{key}": 2 * tensor for key, tensor in weights.items() if not key.endswith("freqs")}
    average |= {f"ema_model.{key}": tensor for key, tensor in weights.items() if key.endswith("freqs")}
    found = opened({"state_dict": weights, "ema_state_dict": average | {"n_averaged": torch.tensor(5)}})
    assert any("using the averaged weights, ema_state_dict" in note for note in found.notes)
    assert torch.equal(first_weight(found), 2 * first_weight(opened(weights)))


def test_keys_of_compiled_blocks_are_understood(weights, opened):
    compiled = {key.replace("layers.0.", "layers.0._orig_mod."): tensor for key, tensor in weights.items()}
    assert compiled.keys() != weights.keys()
    assert torch.equal(first_weight(opened({"model": compiled})), first_weight(opened(weights)))
    with pytest.raises(InputError, match=r"with and without '_orig_mod\.'"):
        opened(compiled | weights)


def endless(depth=12):
    value = ["x"]
    for _ in range(depth):
        value = [value] * 10
    return value


@pytest.mark.parametrize(
    "entry",
    [
        {"format": endless(), "model": {}},
        {"format": torch.ones(2), "model": {}},
        {"format": 2, "model": {"stems": endless()}},
        {"format": 2, "model": {"stems": torch.ones(2, 2)}},
        {"format": 2, "model": {"k" * 3_000_000: 1}},
        {"format": 2, "model": {str(number): 1 for number in range(3000)}},
        {"format": 2, "model": {"sample_rate": 10**5000}},
    ],
)
def test_an_odd_description_is_one_short_sentence(opened, entry):
    with pytest.raises(InputError) as refused:
        opened({"bsroformer": entry, "state_dict": {}})
    assert len(str(refused.value)) < 1500 and "\n" not in str(refused.value)


def test_a_name_of_any_length_is_quoted_in_part(weights, opened):
    with pytest.raises(InputError) as refused:
        opened({**weights, "k" * 1_000_000: torch.ones(1)}).model()
    assert len(str(refused.value)) < 1500


def test_too_many_tensors_are_refused_at_once(tmp_path):
    save_file({f"{number}": torch.zeros(0) for number in range(20_001)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="it has 20,001 tensors"):
        open_checkpoint(tmp_path / "x.safetensors")
