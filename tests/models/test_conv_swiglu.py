import pytest
import torch
import torch.nn.functional as F

from bsroformer.models.conv_swiglu import ConvSwiGLU


@pytest.mark.parametrize("kernel", [1, 2, 3, 8])
@pytest.mark.parametrize("length", [1, 2, 9])
def test_conv_swiglu_is_convolution_gate_deconvolution(kernel, length):
    """By PyTorch's transposed convolution, whose ends outside the sequence are cut off."""
    network, x = ConvSwiGLU(6, hidden=5, kernel=kernel, groups=2), torch.randn(3, length, 6)
    padded = F.pad(network.norm(x).mT, (kernel - 1, kernel - 1))
    values, gates = F.conv1d(padded, network.expand.weight, network.expand.bias).split(5, dim=1)
    deconvolution = network.contract.weight.transpose(0, 1).flip(-1)
    long = F.conv_transpose1d(values * gates * gates.sigmoid(), deconvolution, network.contract.bias)
    expected = long[..., kernel - 1 : kernel - 1 + length].mT
    torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-5)


def test_a_position_sees_its_neighbours_on_both_sides():
    network = ConvSwiGLU(4, hidden=3, kernel=3, groups=1)
    x = torch.randn(1, 11, 4, requires_grad=True)
    [gradient] = torch.autograd.grad(network(x)[0, 5].sum(), x)
    seen = gradient[0].any(dim=-1).nonzero().flatten().tolist()
    assert seen == [3, 4, 5, 6, 7]


def test_dropout_acts_in_training_only():
    network, x = ConvSwiGLU(4, hidden=3, kernel=3, groups=1, dropout=0.5), torch.randn(20, 50, 4)
    assert (network(x) == 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert torch.equal(network.eval()(x), network(x))
