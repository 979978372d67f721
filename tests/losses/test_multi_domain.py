import pytest
import torch

from bsroformer.losses import MultiDomainLoss
from bsroformer.losses.sdr import negative_sdr, negative_si_sdr

TERMS = ("magnitude", "complex", "si_sdr", "sdr")


@pytest.fixture
def loss() -> MultiDomainLoss:
    return MultiDomainLoss(magnitude=0.5, complex=0.3, si_sdr=0.2, sdr=0.1, n_fft=64, hop_length=16)


def noise(level: float = 1.0) -> torch.Tensor:
    return level * torch.randn(2, 3, 2, 400)


def test_the_loss_is_the_weighted_sum_of_its_named_terms(loss):
    total, terms = loss(noise(), noise())
    assert tuple(terms) == TERMS
    spectral = 0.5 * terms["magnitude"] + 0.3 * terms["complex"]
    torch.testing.assert_close(total, spectral + 0.2 * terms["si_sdr"] + 0.1 * terms["sdr"])


def test_a_term_of_weight_0_is_reported_and_has_no_gradient():
    si_sdr_alone = MultiDomainLoss(magnitude=0, complex=0, si_sdr=1, n_fft=64, hop_length=16)
    target = noise()
    estimate = noise().requires_grad_()
    total, terms = si_sdr_alone(estimate, target)
    (gradient,) = torch.autograd.grad(total, estimate)
    (expected,) = torch.autograd.grad(negative_si_sdr(estimate, target), estimate)
    torch.testing.assert_close(gradient, expected)
    torch.testing.assert_close(terms["sdr"], negative_sdr(estimate, target))


def test_the_terms_are_those_of_their_formulas(loss):
    estimate, target = noise(), noise()
    estimated, true = (
        torch.stft(
            stems.flatten(0, -2),
            64,
            16,
            window=torch.hann_window(64),
            normalized=loss.stft.normalized,
            return_complex=True,
        )
        for stems in (estimate, target)
    )
    _, terms = loss(estimate, target)
    torch.testing.assert_close(terms["magnitude"], (estimated.abs() - true.abs()).abs().mean())
    torch.testing.assert_close(terms["complex"], (estimated - true).abs().mean())
    torch.testing.assert_close(terms["si_sdr"], negative_si_sdr(estimate, target))


def test_only_the_complex_term_of_the_spectra_depends_on_phase(loss):
    target = noise()
    _, negated = loss(-target, target)
    _, same = loss(target, target)
    assert negated["magnitude"] == same["magnitude"] == same["complex"] == 0
    assert negated["complex"] > 1


def test_nothing_is_better_than_the_target_itself(loss):
    target = noise()
    best, _ = loss(target, target)
    for error in (1e-3, 0.1, 1.0):
        assert best < loss(target + noise(error), target)[0]


def test_a_silent_stem_counts_in_the_spectral_terms_alone(loss):
    estimate, target = noise(), noise()
    target[:, 0] = 0
    louder = estimate.clone()
    louder[:, 0] *= 2
    _, before = loss(estimate, target)
    _, after = loss(louder, target)
    assert after["si_sdr"] == before["si_sdr"]
    assert after["sdr"] == before["sdr"]
    assert after["magnitude"] > before["magnitude"]
    assert after["complex"] > before["complex"]


@pytest.mark.parametrize("estimate", ["noise", "zero", "perfect"])
@pytest.mark.parametrize("silent", [[], [0], [0, 1, 2]])
def test_loss_and_gradient_are_finite_for_silence_and_perfection(loss, estimate, silent):
    target = noise()
    target[:, silent] = 0
    estimate = {"noise": noise(), "zero": torch.zeros_like(target), "perfect": target.clone()}[estimate]
    total, _ = loss(estimate.requires_grad_(), target)
    total.backward()
    assert total.isfinite()
    assert estimate.grad.isfinite().all()


def test_a_silent_estimate_is_drawn_to_an_active_target(loss):
    target = noise(0.1)
    estimate = torch.zeros_like(target, requires_grad=True)
    total, _ = loss(estimate, target)
    total.backward()
    assert loss(-1e-3 * estimate.grad / estimate.grad.abs().max(), target)[0] < total


def test_halves_are_compared_in_float32(loss):
    estimate, target = noise().bfloat16(), noise()
    with torch.autocast("cpu", torch.bfloat16):
        total, _ = loss(estimate, target)
    torch.testing.assert_close(total, loss(estimate.float(), target)[0], rtol=1e-6, atol=0)
