import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bsroformer.models.rms_norm import RMSNorm
from bsroformer.models.rms_norm import rms_norm as scaled_rms_norm


def rms_norm(x: Tensor) -> Tensor:
    """Normalise without a scale."""
    return scaled_rms_norm(x, torch.ones(x.shape[-1]))


def by_normalize(x: Tensor) -> Tensor:
    """Normalise by the public implementation's formula."""
    return F.normalize(x, dim=-1) * x.shape[-1] ** 0.5


@pytest.mark.parametrize("level", [1.0, 1e4, 1e-7])
@pytest.mark.parametrize("dim", [1, 2, 516])
def test_the_fused_norm_equals_the_public_formula(level, dim):
    x = (level * torch.randn(3, 5, dim)).requires_grad_()
    torch.testing.assert_close(rms_norm(x), by_normalize(x))
    weights = torch.randn(3, 5, dim)
    gradient, expected = (
        torch.autograd.grad((norm(x) * weights).sum(), x)[0] * level for norm in (rms_norm, by_normalize)
    )
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


def test_zero_vectors_stay_zero_with_finite_gradients():
    x = torch.zeros(2, 8, requires_grad=True)
    rms_norm(x).sum().backward()
    assert torch.equal(rms_norm(x), by_normalize(x))
    assert (rms_norm(x) == 0).all()
    assert x.grad.isfinite().all()


def test_the_module_scales_each_feature_and_starts_with_one():
    norm, x = RMSNorm(6), torch.randn(4, 6)
    torch.testing.assert_close(norm(x).square().mean(-1), torch.ones(4))
    torch.nn.init.normal_(norm.gamma)
    torch.testing.assert_close(norm(x), by_normalize(x) * norm.gamma)


GAMMAS = [(6,), (4, 1, 6)]  # of one layer; of layers for each band


@pytest.mark.parametrize("shape", GAMMAS)
def test_the_differentiable_norm_equals_the_fused_one(shape):
    x, gamma = torch.randn(4, 3, 6, requires_grad=True), torch.randn(shape, requires_grad=True)
    differentiated = scaled_rms_norm(x, gamma)
    with torch.no_grad():
        torch.testing.assert_close(scaled_rms_norm(x, gamma), differentiated)
    expected, weights = by_normalize(x) * gamma, torch.randn(4, 3, 6)
    torch.testing.assert_close(differentiated, expected)
    torch.testing.assert_close(
        torch.autograd.grad((differentiated * weights).sum(), (x, gamma)),
        torch.autograd.grad((expected * weights).sum(), (x, gamma)),
    )


@pytest.mark.parametrize("shape", GAMMAS)
def test_the_gradient_equals_finite_differences(shape):
    x, gamma = (torch.randn(each, dtype=torch.float64, requires_grad=True) for each in ((4, 3, 6), shape))
    assert torch.autograd.gradcheck(scaled_rms_norm, (x, gamma))
