"""Models of which some weights are trained and the others frozen."""

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.models.adaptation import (
    Adaptation,
    adapt,
    frozen_names,
    merge,
    part_of,
    parts_of,
    saved_weights,
    store_frozen,
    trained_names,
)
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.models.registry import build_model
from bsroformer.models.settings import ModelSettings
from support import compression, mask_net
from support.adapted import EVERYWHERE, lora, train_at_random


@pytest.fixture
def mixture() -> torch.Tensor:
    return torch.randn(1, 2, 800)


def with_convolutions(tree) -> BandSplitRoformer:
    tree["trunk"]["convolution"] = {"hidden": 8, "kernel": 4, "norm_groups": 2}
    return BandSplitRoformer(ModelSettings.from_dict(tree)).eval()


@torch.no_grad()
def test_an_adapted_model_starts_as_it_was(tiny_model, mixture):
    expected = tiny_model(mixture)
    adapt(tiny_model, Adaptation(lora=lora(*EVERYWHERE)))
    torch.testing.assert_close(tiny_model(mixture), expected, rtol=0, atol=0)


def test_only_updates_have_gradients(tiny_model, mixture):
    adapt(tiny_model, Adaptation(lora=lora()))
    tiny_model(mixture).square().sum().backward()
    with_gradient = [name for name, weight in tiny_model.named_parameters() if weight.grad is not None]
    assert with_gradient == trained_names(tiny_model)
    assert all(name.endswith(("lora_a", "lora_b")) and name.startswith("blocks.") for name in with_gradient)


@pytest.mark.parametrize("convolutions", [False, True])
def test_a_merged_model_computes_the_same(tiny_tree, tiny_model, mixture, convolutions):
    model = with_convolutions(tiny_tree) if convolutions else tiny_model
    names = list(model.state_dict())
    adapt(model, Adaptation(lora=lora(*EVERYWHERE)))
    expected = train_at_random(model)(mixture)
    merged = merge(model)
    torch.testing.assert_close(merged(mixture), expected, rtol=1e-4, atol=1e-5)
    assert list(merged.state_dict()) == names and merged.adaptation is None
    assert all(weight.requires_grad for weight in merged.parameters())


def test_parts_are_trained_in_full(tiny_model):
    adapt(tiny_model, Adaptation(train_only=("masks",)))
    trained = trained_names(tiny_model)
    assert trained == [name for name, _ in tiny_model.named_parameters() if name.startswith("mask_estimators.")]


def test_parts_and_updates_can_be_combined(tiny_model):
    adapt(tiny_model, Adaptation(lora=lora("attention", "masks"), train_only=("masks",)))
    trained = trained_names(tiny_model)
    assert {name.partition(".")[0] for name in trained} == {"blocks", "mask_estimators"}
    assert not any("lora" in name for name in trained if name.startswith("mask_estimators"))


def test_every_parameter_belongs_to_a_part(tiny_model):
    other = build_model(ModelSettings.from_dict(compression.tree()))
    for model in (tiny_model, other):
        parts = parts_of(model)
        assert {part_of(name, parts) for name, _ in model.named_parameters()} == parts.keys()


def test_all_layers_of_the_other_architecture_merge():
    model = build_model(ModelSettings.from_dict(compression.tree())).eval()
    mixture = torch.randn(1, model.channels, 4000)
    adapt(model, Adaptation(lora=lora()))
    expected = train_at_random(model)(mixture)
    difference = merge(model)(mixture) - expected
    assert difference.norm() < 1e-3 * expected.norm()


def test_an_architecture_without_names_has_linear_layers():
    with mask_net.registered():
        model = mask_net.small()
        adapt(model, Adaptation(lora=lora("linear")))
        assert trained_names(model) and all("lora" in name for name in trained_names(model))
        with pytest.raises(InputError, match="layers with updates of this model are linear"):
            adapt(model, Adaptation(lora=lora("attention")))


@pytest.mark.parametrize(
    ("adaptation", "message"),
    [
        (
            Adaptation(train_only=("mask",)),
            "train_only names 'mask', and the parts of this model are band_split, trunk",
        ),
        (
            Adaptation(lora=lora("attn")),
            "lora.layers names 'attn', and the layers with updates of this model are atten",
        ),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(tiny_model, adaptation, message):
    with pytest.raises(InputError, match=message):
        adapt(tiny_model, adaptation)


def test_saved_and_frozen_weights_are_all_weights(tiny_model):
    assert frozen_names(tiny_model) == []
    adapt(tiny_model, Adaptation(lora=lora()))
    saved = saved_weights(tiny_model)
    assert sorted([*saved, *frozen_names(tiny_model)]) == sorted(tiny_model.state_dict())
    assert list(saved) == trained_names(tiny_model)


def test_frozen_weights_in_bfloat16_compute_the_same(tiny_tree, mixture):
    """Under autocast, to the bit, forward and backward."""
    outputs = []
    for half in (None, torch.bfloat16):
        torch.manual_seed(0)
        model = with_convolutions(tiny_tree).train()
        adapt(model, Adaptation(lora=lora()))
        train_at_random(model)
        store_frozen(model, half)
        with torch.autocast("cpu", torch.bfloat16):
            stems = model(mixture)
        stems.square().sum().backward()
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        outputs.append([stems.detach(), *gradients])
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0)


def test_only_frozen_matrices_are_stored_in_half(tiny_model):
    adapt(tiny_model, Adaptation(lora=lora(), train_only=("masks",)))
    store_frozen(tiny_model, torch.bfloat16)
    trained = set(trained_names(tiny_model))
    for name, weight in tiny_model.named_parameters():
        is_half = name not in trained and name.endswith("weight")
        assert weight.dtype == (torch.bfloat16 if is_half else torch.float32), name
