import math

import pytest
import torch

from bsroformer.losses.sdr import FLOOR, SILENCE, active_stems, negative_sdr, negative_si_sdr

ONES = torch.ones(1, 1, 2, 100)
ORTHOGONAL = torch.tensor([1.0, -1.0]).repeat(50).expand(1, 1, 2, 100)


def decibels(ratio: float) -> float:
    return 10 * math.log10(ratio)


@pytest.mark.parametrize("gain", [1.0, 0.5, -2.0])
@pytest.mark.parametrize("error", [1.0, 0.1, 2.0])
def test_an_orthogonal_error_gives_the_ratio_of_energies(gain, error):
    loss = negative_si_sdr(gain * ONES + error * ORTHOGONAL, ONES)
    assert loss.item() == pytest.approx(-decibels(gain**2 / error**2), abs=1e-4)


def test_the_target_is_scaled_and_not_only_subtracted():
    quieter = negative_si_sdr(0.5 * ONES + 0.1 * ORTHOGONAL, ONES)
    assert quieter.item() == pytest.approx(negative_si_sdr(5 * ONES + ORTHOGONAL, ONES).item(), abs=1e-4)


def test_channels_and_samples_are_taken_together():
    target = torch.stack([torch.ones(100), torch.zeros(100)]).expand(1, 1, 2, 100)
    estimate = target.flip(-2) + target  # the silent channel is as loud as the other
    assert negative_si_sdr(estimate, target).item() == pytest.approx(0.0, abs=1e-5)


def test_the_loss_is_the_mean_over_the_stems_of_all_excerpts():
    estimate = torch.cat([ONES + error * ORTHOGONAL for error in (1.0, 0.1, 0.01, 1.0)]).view(2, 2, 2, 100)
    assert negative_si_sdr(estimate, ONES.expand_as(estimate)).item() == pytest.approx(-(0 + 20 + 40 + 0) / 4, abs=1e-3)


def test_nothing_is_better_than_the_target_itself():
    target = torch.randn(2, 3, 2, 500)
    best = negative_si_sdr(target, target)
    assert best.item() == pytest.approx(-decibels(1 / FLOOR), abs=0.3)
    for error in (1e-3, 0.1, 1.0):
        assert best < negative_si_sdr(target + error * torch.randn_like(target), target)


@pytest.mark.parametrize(("level", "active"), [(0.0, False), (0.9 * SILENCE**0.5, False), (1.1 * SILENCE**0.5, True)])
def test_a_stem_is_active_from_minus_60_decibels(level, active):
    assert pytest.approx(10 ** (-60 / 10)) == SILENCE
    assert active_stems(level * ONES).item() == active


def test_a_silent_stem_adds_no_loss_and_no_gradient():
    target = torch.randn(2, 3, 2, 500)
    target[0, 1] = target[1, 2] = 0
    estimate = torch.randn_like(target, requires_grad=True)
    loss = negative_si_sdr(estimate, target)
    sounding = active_stems(target)
    separately = [negative_si_sdr(estimate[b, n][None, None], target[b, n][None, None]) for b, n in sounding.nonzero()]
    torch.testing.assert_close(loss, torch.stack(separately).mean())
    loss.backward()
    assert sounding.sum() == 4
    assert (estimate.grad[~sounding] == 0).all()
    assert estimate.grad[sounding].any()


def test_the_loss_of_a_batch_is_the_mean_loss_of_its_parts():
    target = torch.randn(4, 3, 2, 500)
    target[0] = target[1, :2] = target[2, 0] = 0
    estimate = torch.randn_like(target)
    parts = [negative_si_sdr(*pair) for pair in zip(estimate.split(2), target.split(2), strict=True)]
    torch.testing.assert_close(negative_si_sdr(estimate, target), torch.stack(parts).mean())


@pytest.mark.parametrize("estimate", ["noise", "zero", "perfect"])
@pytest.mark.parametrize("silent", [0, 1, 2])
def test_loss_and_gradient_are_finite_for_silence_and_perfection(estimate, silent):
    target = torch.randn(2, 2, 2, 100)
    target[:, :silent] = 0
    estimate = {
        "noise": torch.randn_like(target),
        "zero": torch.zeros_like(target),
        "perfect": target.clone(),
    }[estimate]
    loss = negative_si_sdr(estimate.requires_grad_(), target)
    loss.backward()
    assert loss.isfinite()
    assert estimate.grad.isfinite().all()
    if silent == 2:  # of 2 stems: nothing to learn from this batch
        assert loss == 0 and not estimate.grad.any()


def test_a_step_against_the_gradient_lowers_the_loss():
    target = torch.randn(1, 2, 2, 500)
    estimate = (target + torch.randn_like(target)).requires_grad_()
    loss = negative_si_sdr(estimate, target)
    loss.backward()
    assert negative_si_sdr(estimate - 0.1 * estimate.grad, target) < loss


@pytest.mark.parametrize("gain", [1.0, 0.5, -2.0])
@pytest.mark.parametrize("error", [0.0, 0.1, 2.0])
def test_sdr_counts_a_wrong_level_as_an_error(gain, error):
    loss = negative_sdr(gain * ONES + error * ORTHOGONAL, ONES)
    assert loss.item() == pytest.approx(-decibels((1 + FLOOR) / ((1 - gain) ** 2 + error**2 + FLOOR)), abs=1e-4)


def test_sdr_of_silent_stems_does_not_count():
    target = torch.cat([ONES, 0 * ONES], dim=1)
    estimate = torch.cat([ONES + 0.1 * ORTHOGONAL, ORTHOGONAL], dim=1).requires_grad_()
    loss = negative_sdr(estimate, target)
    loss.backward()
    assert loss.item() == pytest.approx(-20, abs=1e-3)
    assert not estimate.grad[0, 1].any()
