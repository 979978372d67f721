import torch

from bsroformer.models.rms_group_norm import RMSGroupNorm


def test_each_group_is_normalised_by_itself():
    norm, x = RMSGroupNorm(6, groups=2), torch.randn(4, 5, 6)
    torch.nn.init.normal_(norm.gamma)
    low = x[..., :3] / x[..., :3].square().mean(-1, keepdim=True).sqrt()
    high = x[..., 3:] / x[..., 3:].square().mean(-1, keepdim=True).sqrt()
    expected = torch.cat([low, high], dim=-1) * norm.gamma.flatten()
    torch.testing.assert_close(norm(x), expected)
    with torch.no_grad():
        torch.testing.assert_close(norm(x), expected)


def test_the_level_of_one_group_does_not_affect_another():
    norm, x = RMSGroupNorm(6, groups=3), torch.randn(4, 6)
    louder = x * torch.tensor([1, 1, 1, 1, 100, 100])
    torch.testing.assert_close(norm(louder), norm(x))


def test_zeros_stay_zeros_with_finite_gradients():
    norm, x = RMSGroupNorm(6, groups=2), torch.zeros(2, 6, requires_grad=True)
    norm(x).sum().backward()
    assert (norm(x) == 0).all()
    assert x.grad.isfinite().all()
