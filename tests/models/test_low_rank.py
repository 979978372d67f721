"""Low-rank updates of layers."""

import pytest
import torch
from torch import nn

from bsroformer.models.bs_roformer.band_linear import BandLinear
from bsroformer.models.low_rank import add_update, merge_update

LAYERS = {
    "linear": (lambda: nn.Linear(6, 5), (3, 7, 6)),
    "convolution": (lambda: nn.Conv1d(6, 5, kernel_size=4, padding=3), (3, 6, 7)),
    "bands": (lambda: BandLinear(2, 6, 5), (2, 6, 7)),
    "bands_of_stems": (lambda: BandLinear(2, 6, 5, fan_out=3), (2, 6, 7)),
}


@pytest.fixture(params=LAYERS)
def case(request):
    """A layer and an input."""
    make, shape = LAYERS[request.param]
    return make(), torch.randn(shape)


def test_a_new_update_changes_nothing(case):
    layer, x = case
    expected = layer(x)
    add_update(layer, rank=2, alpha=4)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)
    assert layer.lora_a.abs().max() > 0


def test_merging_keeps_the_output_and_the_class(case):
    layer, x = case
    kind = type(layer)
    names = list(layer.state_dict())
    add_update(layer, rank=2, alpha=4)
    nn.init.normal_(layer.lora_b)
    expected = layer(x)
    merge_update(layer)
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert type(layer) is kind and list(layer.state_dict()) == names


def test_an_update_is_alpha_over_rank_times_b_a():
    layer = nn.Linear(6, 5)
    add_update(layer, rank=2, alpha=3)
    nn.init.normal_(layer.lora_b)
    torch.testing.assert_close(layer.delta(), 1.5 * layer.lora_b @ layer.lora_a)


def test_initial_values_are_kaimings_uniform_ones():
    layer = nn.Conv1d(6, 5, kernel_size=4)
    add_update(layer, rank=64, alpha=1)
    expected = torch.empty(64, 24)
    nn.init.kaiming_uniform_(expected, a=5**0.5)
    assert layer.lora_a.abs().max() <= 24**-0.5
    assert layer.lora_a.std().item() == pytest.approx(expected.std().item(), rel=0.1)
    assert not layer.lora_b.any()


def test_other_layers_have_no_update():
    with pytest.raises(TypeError, match="Embedding has no form"):
        add_update(nn.Embedding(2, 2), rank=1, alpha=1)
