"""Start of a training from another model's weights, with or without the mask estimators."""

import copy

import pytest
import torch

from bsroformer import BandSplitRoformer, InputError, ModelSettings
from bsroformer.checkpoints.parameter_count import parameters_by_part
from bsroformer.checkpoints.warm_start import start_from


def model_of(tree, **changes) -> BandSplitRoformer:
    return BandSplitRoformer(ModelSettings.from_dict(copy.deepcopy(tree) | changes))


def test_with_the_same_stems_all_weights_are_copied(tiny_tree):
    model, source = model_of(tiny_tree), model_of(tiny_tree)
    start = start_from(model, source, "x.ckpt")
    torch.testing.assert_close(model.state_dict(), source.state_dict(), rtol=0, atol=0)
    assert start.copied == parameters_by_part(model)
    assert not start.fresh and not start.changed
    assert str(start).endswith("all weights")


def test_the_weights_are_copies(tiny_tree):
    model, source = model_of(tiny_tree), model_of(tiny_tree)
    start_from(model, source, "x.ckpt")
    before = copy.deepcopy(source.state_dict())
    torch.nn.init.zeros_(model.final_norm.gamma)
    torch.testing.assert_close(source.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("stems", [["vocals"], ["vocals", "drums"], ["other", "vocals"], ["a", "b", "c"]])
def test_with_other_stems_the_mask_estimators_alone_are_fresh(tiny_tree, stems):
    source = model_of(tiny_tree)
    model = model_of(tiny_tree, stems=stems, masks={"expansion": 1})
    drawn = copy.deepcopy(model.state_dict())
    start = start_from(model, source, "x.ckpt")
    for name, tensor in model.state_dict().items():
        expected = drawn[name] if name.startswith("mask_estimators") else source.state_dict()[name]
        assert torch.equal(tensor, expected), name
    assert set(start.fresh) == {"mask estimators"}
    assert set(start.copied) == {"band split", "blocks", "final norm"}
    assert sum((start.fresh | start.copied).values()) == sum(weight.numel() for weight in model.parameters())
    assert "fresh mask estimators" in str(start)


def test_names_that_differ_in_capitals_are_the_same_stems(tiny_tree):
    assert not start_from(model_of(tiny_tree), model_of(tiny_tree, stems=["Vocals", "Other"]), "x.ckpt").fresh


@pytest.mark.parametrize(
    ("key", "value"), [("dim", 12), ("depth", 3), ("heads", 4), ("norm", "each_transformer"), ("linear_depth", 1)]
)
def test_differing_settings_of_another_size_are_named(tiny_tree, key, value):
    other = copy.deepcopy(tiny_tree)
    other["trunk"][key] = value
    model = model_of(tiny_tree)
    before = copy.deepcopy(model.state_dict())
    differences = rf"model\.trunk\.{key} is .*, and there {value}"
    with pytest.raises(InputError, match=rf"x\.ckpt does not fit .*{differences}.*checkpoint inspect x\.ckpt"):
        start_from(model, model_of(other), "x.ckpt")
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_settings_that_change_the_output_are_reported(tiny_tree):
    other = copy.deepcopy(tiny_tree)
    other["trunk"] |= {"skip_connection": True, "dropout": 0.5}
    other["stft"]["hop_length"] = 4
    other["chunk_seconds"] = 3
    changed = start_from(model_of(tiny_tree), model_of(other), "x.ckpt").changed
    assert changed == (
        "model.stft.hop_length is 8, and there 4",
        "model.trunk.skip_connection is False, and there True",
    )
