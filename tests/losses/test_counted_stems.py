import pytest
import torch
from torch import nn

from bsroformer.data.known_stems import summed_unknown
from bsroformer.errors import InputError
from bsroformer.losses import MultiDomainLoss, MultiResolutionLoss, WeightedSum
from bsroformer.losses.compared import compared

MULTI_DOMAIN = MultiDomainLoss(magnitude=0.5, complex=0.3, si_sdr=0.2, sdr=0.1, n_fft=64, hop_length=16)
PAPERS = MultiResolutionLoss([64, 32], hop_length=16, n_fft=64)
LOSSES = [MULTI_DOMAIN, PAPERS, WeightedSum({"a": MULTI_DOMAIN, "b": PAPERS}, {"a": 1.0, "b": 0.5})]


def noise(seed: int, stems: int = 3) -> torch.Tensor:
    return torch.randn(2, stems, 2, 400, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("loss", LOSSES)
def test_counting_all_stems_is_the_usual_loss(loss):
    total, terms = loss(noise(0), noise(1))
    counted, counted_terms = loss(noise(0), noise(1), torch.ones(2, 3, dtype=torch.bool))
    torch.testing.assert_close(counted, total)
    torch.testing.assert_close(counted_terms, terms)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_that_of_the_counted_stems_alone(loss):
    estimate, target = noise(0), noise(1)
    total, _ = loss(estimate, target, torch.tensor([[True, False, True], [False, True, False]]))
    first, _ = loss(estimate[:1, [0, 2]], target[:1, [0, 2]])
    second, _ = loss(estimate[1:, [1]], target[1:, [1]])
    torch.testing.assert_close(total, (first + second) / 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_unknown_stems_have_the_gradient_of_their_sum_alone(loss):
    """Two of four stems are unknown: by hand, the loss of three stems, the last of which is a sum."""
    estimate = noise(0, stems=4).requires_grad_()
    target = noise(1, stems=4)
    target[:, 3] = 0  # the sum of the unknown ones is in place of the first
    known = torch.tensor([[True, True, False, False]] * 2)
    total, _ = compared(loss, *summed_unknown(estimate, target, known, range(4)))
    by_hand, _ = loss(torch.cat([estimate[:, :2], estimate[:, 2:].sum(1, keepdim=True)], 1), target[:, :3])
    torch.testing.assert_close(total, by_hand)
    (gradient,) = torch.autograd.grad(total, estimate)
    (expected,) = torch.autograd.grad(by_hand, estimate)
    torch.testing.assert_close(gradient, expected)
    assert torch.equal(gradient[:, 2], gradient[:, 3])


@pytest.mark.parametrize("loss", LOSSES)
def test_a_stem_that_does_not_count_has_no_gradient(loss):
    estimate = noise(0).requires_grad_()
    total, _ = loss(estimate, noise(1), torch.tensor([[True, False, True]] * 2))
    (gradient,) = torch.autograd.grad(total, estimate)
    assert gradient[:, [0, 2]].abs().min() > 0
    assert not gradient[:, 1].any()


def test_an_excerpt_without_a_counted_stem_adds_nothing():
    estimate = noise(0).requires_grad_()
    total, _ = MULTI_DOMAIN(estimate, noise(1), torch.zeros(2, 3, dtype=torch.bool))
    total.backward()
    assert total == 0 and not estimate.grad.any()


def test_a_loss_of_all_stems_is_refused_where_some_are_unknown():
    class Plain(nn.Module):
        def forward(self, estimate, target):
            return estimate.sum(), {}

    assert compared(Plain(), noise(0), noise(1), None)[1] == {}
    with pytest.raises(InputError, match="loss Plain needs all stems"):
        compared(Plain(), noise(0), noise(1), torch.ones(2, 3, dtype=torch.bool))
