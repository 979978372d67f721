"""Adapters: their files, and the models that they belong to."""

from pathlib import Path

import pytest
import torch

from bsroformer import load_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.save import save_model, save_weights, save_weights_alone
from bsroformer.errors import InputError
from bsroformer.models.adaptation import Adaptation, merge
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.adapted import lora, save_adapter_of

LORA = Adaptation(lora=lora())


@pytest.fixture
def base(tiny_model, tmp_path) -> Path:
    """The file of a model."""
    save_model(tiny_model, tmp_path / "base.safetensors")
    return tmp_path / "base.safetensors"


def adapter_of(base: Path, adaptation: Adaptation = LORA, name: str | None = None) -> tuple[Path, BandSplitRoformer]:
    """The file of an adapter, and its model."""
    path = base.with_name("adapter.safetensors")
    adapted = save_adapter_of(load_model(base), name or str(base), path, adaptation)
    return path, adapted


@pytest.mark.parametrize("adaptation", [LORA, Adaptation(train_only=("masks",)), Adaptation(lora=lora("masks"))])
def test_an_adapter_is_merged_into_its_base(base, adaptation):
    path, adapted = adapter_of(base, adaptation)
    loaded = load_model(path)
    expected = merge(adapted).state_dict()
    torch.testing.assert_close(dict(loaded.state_dict()), dict(expected), rtol=0, atol=0)


def test_an_adapter_holds_trained_weights_only(base):
    path, _ = adapter_of(base)
    opened = open_checkpoint(path)
    assert all("lora" in name for name in opened.weights)
    assert opened.files == (path, base)


def test_a_wrong_base_is_refused_with_both_digests(base, tiny_model, tmp_path):
    path, _ = adapter_of(base)
    with torch.no_grad():
        tiny_model.final_norm.gamma[0] += 1e-3
    other = tmp_path / "other.safetensors"
    save_model(tiny_model, other)
    with pytest.raises(InputError) as refused:
        load_model(path, base=other)
    message = str(refused.value)
    assert weights_digest(load_model(base)) in message and weights_digest(tiny_model) in message
    assert "\n" not in message and "give the base that it was trained on as base=..." in message


def test_a_base_in_another_file_format_is_accepted(base, tiny_model, tmp_path):
    path, adapted = adapter_of(base)
    save_weights(tiny_model, tmp_path / "other.ckpt")
    loaded = load_model(path, base=tmp_path / "other.ckpt")
    torch.testing.assert_close(dict(loaded.state_dict()), dict(merge(adapted).state_dict()))


def test_a_base_beside_the_adapter_is_found(base):
    path, _ = adapter_of(base, name="/nowhere/base.safetensors")
    assert load_model(path)


@pytest.mark.parametrize("name", ["/nowhere/gone.ckpt", "hf://owner/repository/base.ckpt", "//server/share/base.ckpt"])
def test_a_base_that_is_not_here_is_asked_for(base, name):
    path, _ = adapter_of(base, name=name)
    with pytest.raises(InputError, match=rf"based on {name}, which is neither there nor beside it; give that model as"):
        load_model(path)


def test_a_base_in_the_cache_of_the_hub_is_found(base, monkeypatch):
    path, _ = adapter_of(base, name="hf://owner/repository/model.safetensors")
    found = {("owner/repository", "model.safetensors"): str(base)}
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda repo, file, revision: found.get((repo, file)))
    assert open_checkpoint(path).files == (path, base)


def test_an_adapter_is_not_its_own_base(base, tmp_path):
    path, _ = adapter_of(base, name=str(tmp_path / "adapter.safetensors"))
    with pytest.raises(InputError, match="give that model as base="):
        load_model(path)


def test_adapters_in_a_circle_are_refused(base, tmp_path):
    other = tmp_path / "other.safetensors"
    path, _ = adapter_of(base, name=str(other))
    save_adapter_of(load_model(base), str(path), other, LORA)
    with pytest.raises(InputError, match="is an adapter of too many others"):
        load_model(path)


def test_an_adapter_of_an_adapter_is_merged_twice(base, tmp_path):
    path, _ = adapter_of(base)
    second = tmp_path / "second.safetensors"
    adapted = save_adapter_of(load_model(path), str(path), second, Adaptation(train_only=("band_split",)))
    torch.testing.assert_close(dict(load_model(second).state_dict()), dict(merge(adapted).state_dict()))


@pytest.mark.parametrize("ending", [".ckpt", ".safetensors"])
def test_a_base_for_a_whole_model_is_refused(base, tiny_model, ending, tmp_path):
    with pytest.raises(InputError, match=f"is a whole model and no adapter; remove base={base}"):
        load_model(base, base=base)


def test_stripping_an_adapter_keeps_it_one(base, tmp_path):
    path, adapted = adapter_of(base)
    save_weights_alone(open_checkpoint(path), tmp_path / "alone.ckpt")
    loaded = load_model(tmp_path / "alone.ckpt")
    torch.testing.assert_close(dict(loaded.state_dict()), dict(merge(adapted).state_dict()), rtol=0, atol=0)


def test_a_description_of_a_larger_model_is_refused(base, tmp_path):
    """Before memory is allocated for weights that the file does not hold."""
    path, _ = adapter_of(base, Adaptation(train_only=("band_split",)))
    save_weights_alone(open_checkpoint(path), tmp_path / "alone.ckpt")
    entries = torch.load(tmp_path / "alone.ckpt", weights_only=True)
    entries["bsroformer"]["model"]["trunk"]["heads"] = 2**14
    entries["bsroformer"]["model"]["trunk"]["dim_head"] = 2**12
    torch.save(entries, tmp_path / "changed.ckpt")
    with pytest.raises(InputError, match="is missing there or of another shape"):
        load_model(tmp_path / "changed.ckpt")


def test_damaged_descriptions_are_refused(base, tmp_path):
    path, _ = adapter_of(base)
    save_weights_alone(open_checkpoint(path), tmp_path / "alone.ckpt")
    entries = torch.load(tmp_path / "alone.ckpt", weights_only=True)
    for change, message in (
        ({"base": None}, "does not name the model that it belongs to"),
        ({"lora": {"rank": 0, "alpha": 1.0, "layers": ["attention"]}}, "does not describe an adapter"),
        ({"lora": {"rank": 2, "alpha": 1.0, "layers": ["atention"]}}, "names 'atention'"),
        ({"train_only": ["everything"]}, "names 'everything'"),
        ({"lora": {"rank": 3, "alpha": 1.0, "layers": ["attention"]}}, "is incomplete, or of another model"),
    ):
        changed = {**entries["bsroformer"], "adapter": {**entries["bsroformer"]["adapter"], **change}}
        torch.save({**entries, "bsroformer": changed}, tmp_path / "changed.ckpt")
        with pytest.raises(InputError, match=message):
            load_model(tmp_path / "changed.ckpt")


def test_of_two_files_of_a_name_the_base_is_the_one_that_fits(base, tiny_model, tmp_path, monkeypatch):
    path, adapted = adapter_of(base, name="base.safetensors")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with torch.no_grad():
        next(tiny_model.parameters()).add_(1)
    save_model(tiny_model, elsewhere / "base.safetensors")
    monkeypatch.chdir(elsewhere)
    torch.testing.assert_close(dict(load_model(path).state_dict()), dict(merge(adapted).state_dict()))
