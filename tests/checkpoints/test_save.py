"""Round trips of models through each file format."""

import json
from typing import Any

import pytest
import safetensors
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bsroformer import BandSplitRoformer, InputError, ModelSettings, load_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.native import describe
from bsroformer.checkpoints.save import save_model, save_public, save_weights_alone
from bsroformer.models.public_yaml import PlainLoader
from support import public_model


def assert_same(found: BandSplitRoformer, expected: BandSplitRoformer) -> None:
    assert found.settings == expected.settings
    torch.testing.assert_close(found.state_dict(), expected.state_dict(), rtol=0, atol=0)


def test_a_safetensors_file_describes_its_model(tmp_path, tiny_model):
    path = tmp_path / "new folder" / "model.safetensors"
    save_model(tiny_model, path, "a friend")
    assert_same(load_model(path), tiny_model)
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata()["source"] == "a friend"
        described = json.loads(file.metadata()["bsroformer"])
    assert ModelSettings.from_dict(described["model"]) == tiny_model.settings
    assert [file.name for file in path.parent.iterdir()] == ["model.safetensors"]
    (tmp_path / "usual").touch()
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


@st.composite
def exportable(draw: st.DrawFn) -> dict[str, Any]:
    """A small model of this project that the public code can build too."""
    mel = draw(st.booleans())
    window = draw(st.sampled_from([None, 96]))
    dropout = draw(st.sampled_from([0.0, 0.1]))
    bands = {"layout": "mel", "count": 6, "sample_rate": draw(st.sampled_from([None, 44_100]))}
    widths = draw(st.sampled_from([[[1, 65]], [[5, 1], [2, 20], [4, 5]], [[1, 20], [5, 1], [2, 20]]]))
    return {
        "stems": [f"s{number}" for number in range(draw(st.integers(1, 5)))],
        "sample_rate": draw(st.sampled_from([8_000, 44_100])),
        "channels": draw(st.integers(1, 2)),
        "chunk_seconds": draw(st.integers(1, 9)),
        "stft": {
            "n_fft": 128,
            "hop_length": draw(st.integers(16, 48)),
            "win_length": window,
            "normalized": draw(st.booleans()),
        },
        "bands": bands if mel else {"layout": "fixed", "widths": widths},
        "trunk": {
            "dim": draw(st.integers(1, 8)),
            "depth": draw(st.integers(1, 3)),
            "heads": draw(st.integers(1, 3)),
            "dim_head": draw(st.sampled_from([2, 4, 6])),
            "time_depth": draw(st.integers(1, 2)),
            "band_depth": draw(st.integers(1, 2)),
            "linear_depth": draw(st.integers(0, 1)),
            "dropout": dropout,
            "attention_dropout": draw(st.sampled_from([None, 0.2])),
            "norm": "each_transformer" if mel else "final",
            "skip_connection": draw(st.booleans()),
        },
        "masks": {
            "expansion": draw(st.integers(1, 4)),
            "hidden_layers": draw(st.integers(0, 3)),
            "zero_dc": draw(st.booleans()),
        },
    }


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=exportable())
def test_exported_models_load_here_and_in_the_public_code(tmp_path, tree):
    model = BandSplitRoformer(ModelSettings.from_dict(tree)).eval()
    path = tmp_path / "public.ckpt"
    config = save_public(model, path)
    loaded = load_model(path)
    mixture = torch.randn(1, tree["channels"], 700)
    with torch.inference_mode():
        assert torch.equal(loaded(mixture), model(mixture))
    torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)
    assert same_model(loaded.settings, model.settings)
    kind = "mel" if tree["bands"]["layout"] == "mel" else "bs"
    options = yaml.load(config.read_text(), PlainLoader)["model"]
    shapes = {key: tuple(tensor.shape) for key, tensor in torch.load(path).items()}
    assert public_model.key_shapes(kind, options) == shapes


def same_model(found: ModelSettings, expected: ModelSettings) -> bool:
    """Compare settings, up to defaults and to the notation of runs of equal widths."""
    one, other = (each.model_dump(exclude={"bands"}, exclude_none=True) for each in (found, expected))
    for each in (one, other):
        if each["trunk"].get("attention_dropout") == each["trunk"]["dropout"]:
            del each["trunk"]["attention_dropout"]
        if not each["masks"]["hidden_layers"]:
            del each["masks"]["expansion"]
    return one == other


def test_an_export_may_be_safetensors_with_a_yaml_beside(tmp_path, tiny_model):
    config = save_public(tiny_model, tmp_path / "public.safetensors")
    assert config == tmp_path / "public.yaml"
    torch.testing.assert_close(load_model(tmp_path / "public.safetensors").state_dict(), tiny_model.state_dict())


def test_exported_bands_are_a_tuple_in_the_yaml(tmp_path, tiny_model):
    text = save_public(tiny_model, tmp_path / "public.ckpt").read_text()
    assert "freqs_per_bands: !!python/tuple [2, 2, 4, 9]" in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trunk": {"norm": "each_transformer"}}, "no model of fixed bands whose norm is each_transformer"),
        ({"bands": {"layout": "mel", "count": 5}}, "no model of mel bands whose norm is final"),
        ({"channels": 3}, "got 3"),
    ],
)
def test_a_model_without_a_public_equal_is_not_exported(tmp_path, tiny_tree, changes, reason):
    for key, value in changes.items():
        tiny_tree[key] = tiny_tree[key] | value if key == "trunk" else value
    model = BandSplitRoformer(ModelSettings.from_dict(tiny_tree))
    with pytest.raises(InputError, match=reason):
        save_public(model, tmp_path / "public.ckpt")
    assert not list(tmp_path.iterdir())


def training_checkpoint(model: BandSplitRoformer) -> dict[str, Any]:
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    moments = {number: {"exp_avg": tensor.clone()} for number, tensor in enumerate(weights.values())}
    return {
        "bsroformer": describe(model.settings),
        "state_dict": weights | {"loss.window": torch.ones(30)},
        "optimizer_states": [{"state": moments}],
    }


def test_weights_alone_are_smaller_and_the_same(tmp_path, tiny_model):
    torch.save(training_checkpoint(tiny_model), tmp_path / "last.ckpt")
    save_weights_alone(open_checkpoint(tmp_path / "last.ckpt"), tmp_path / "small.ckpt")
    assert_same(load_model(tmp_path / "small.ckpt"), tiny_model)
    assert (tmp_path / "small.ckpt").stat().st_size < 0.7 * (tmp_path / "last.ckpt").stat().st_size
    assert torch.load(tmp_path / "small.ckpt").keys() == {"bsroformer", "state_dict"}


def test_a_stripped_format_1_file_is_complete(tmp_path, tiny_model):
    checkpoint = training_checkpoint(tiny_model)
    checkpoint["bsroformer"]["format"] = 1
    for name in ("time", "band"):
        del checkpoint["state_dict"][f"model.{name}_rotary.inverse_frequencies"]
    torch.save(checkpoint, tmp_path / "old.ckpt")
    save_weights_alone(open_checkpoint(tmp_path / "old.ckpt"), tmp_path / "small.ckpt")
    assert_same(load_model(tmp_path / "small.ckpt"), tiny_model)


def test_stripping_a_public_checkpoint_keeps_its_yaml(tmp_path, tiny_model):
    save_public(tiny_model, tmp_path / "public.ckpt")
    weights = torch.load(tmp_path / "public.ckpt")
    torch.save({"model_state_dict": weights, "optimizer_state_dict": dict(weights)}, tmp_path / "public.ckpt")
    save_weights_alone(open_checkpoint(tmp_path / "public.ckpt"), tmp_path / "small.ckpt")
    assert load_model(tmp_path / "small.ckpt").stems == tiny_model.stems
    torch.testing.assert_close(torch.load(tmp_path / "small.ckpt"), weights, rtol=0, atol=0)


def test_a_failed_save_leaves_no_file(tmp_path, tiny_model):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        save_model(tiny_model, tmp_path / "file" / "model.safetensors")
    for suffix, write in ((".ckpt", save_model), (".bin", save_public)):
        with pytest.raises(InputError, match="must end in"):
            write(tiny_model, tmp_path / f"model{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
