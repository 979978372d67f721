import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bsroformer.models.bs_roformer.band_linear import BandLinear


def one_by_one(linear: BandLinear, x: Tensor) -> Tensor:
    """Map ``(k d x)`` to ``(kn e x)`` in a loop over bands and fan-out."""
    outputs = []
    for inputs, weight, bias in zip(x, linear.weight, linear.bias, strict=True):
        weights, biases = weight.chunk(linear.fan_out), bias.chunk(linear.fan_out)
        outputs += [F.linear(inputs.T, *each).T for each in zip(weights, biases, strict=True)]
    return torch.stack(outputs)


@pytest.mark.parametrize(("bands", "fan_out"), [(1, 1), (5, 1), (1, 3), (5, 3)])
def test_one_matmul_equals_a_loop_in_values_and_gradients(bands, fan_out):
    linear = BandLinear(bands, dim_in=6, dim_out=4, fan_out=fan_out)
    x = torch.randn(bands, 6, 7, requires_grad=True)
    y, expected = linear(x), one_by_one(linear, x)
    assert y.shape == (bands * fan_out, 4, 7)
    torch.testing.assert_close(y, expected)
    inputs, weights = [x, linear.weight, linear.bias], torch.randn_like(y)
    torch.testing.assert_close(
        torch.autograd.grad((y * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
    )


def test_weights_are_drawn_as_those_of_a_linear_layer():
    linear, reference = BandLinear(10, 64, 50, fan_out=2), torch.nn.Linear(64, 1000)
    for ours, theirs in ((linear.weight, reference.weight), (linear.bias, reference.bias)):
        assert ours.abs().max() <= 64**-0.5
        torch.testing.assert_close(ours.std(), theirs.std(), rtol=0.05, atol=0)
        assert ours.mean().abs() < 0.1 * 64**-0.5
