"""Negative SI-SDR and SDR of the active stems."""

import torch
from torch import Tensor

from bsroformer.audio.activity import ACTIVE_DB, is_active, mean_square

SILENCE = mean_square(ACTIVE_DB)
"""Mean square below which a stem is not active."""
FLOOR = 1e-9
"""Mean square added to both energies, -90 dBFS: the gradient stays finite for a silent or a perfect estimate."""


def active_stems(target: Tensor) -> Tensor:
    """Find the active stems of each excerpt: ``(b n c t)`` to booleans ``(b n)``."""
    return power_and_activity(target)[1]


def power_and_activity(target: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean square of each stem ``(b n c t)``, and whether it is active: ``(b n)`` each."""
    channels, samples = target.shape[-2:]
    energy = target.square().sum(dim=(-2, -1))
    return energy / (channels * samples), is_active(energy, channels * samples)


def negative_si_sdr(estimate: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """Average -SI-SDR in dB over active stems, and over excerpts.

    See arXiv 1811.02508, section 2. SI-SDR compares the estimate with the target scaled to it:
    ``alpha = <estimate, target> / |target|^2``, over channels and samples together. The level of an estimate does not
    change it.

    Args:
        estimate: ``(b n c t)``.
        target: ``(b n c t)``.
        counted: Which stems count, ``(b n)``; all unless given.
    """
    power, active = power_and_activity(target)
    alpha = (estimate * target).mean((-2, -1)) / power.clamp_min(SILENCE)
    error = torch.addcmul(estimate, alpha[..., None, None], target, value=-1)
    score = ratio_in_decibels(alpha.square() * power, error.square().mean((-2, -1)))
    return -mean_of_chosen(score, active if counted is None else active & counted)


def negative_sdr(estimate: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """Average -SDR in dB over active stems, and over excerpts.

    ``10 log10(|target|^2 / |target - estimate|^2)`` over channels and samples together, as in the Music Demixing
    Challenge (arXiv 2108.13559, section 3.2). It depends on the level of the estimate.

    Args:
        estimate: ``(b n c t)``.
        target: ``(b n c t)``.
        counted: Which stems count, ``(b n)``; all unless given.
    """
    power, active = power_and_activity(target)
    score = ratio_in_decibels(power, (target - estimate).square().mean((-2, -1)))
    return -mean_of_chosen(score, active if counted is None else active & counted)


def ratio_in_decibels(signal: Tensor, error: Tensor) -> Tensor:
    """Compare two mean squares, with `FLOOR` added to both."""
    return 10 * torch.log10((signal + FLOOR) / (error + FLOOR))


def mean_of_chosen(scores: Tensor, chosen: Tensor) -> Tensor:
    """Average scores ``(b n)`` over the chosen stems of each excerpt, then over excerpts.

    A score in dB is undefined for a silent target; an excerpt without a chosen stem adds zero. Each excerpt is averaged
    on its own, so that a batch's loss is the mean of its parts' losses, and its gradient the same in one batch, in
    accumulated ones, or on several devices.
    """
    per_excerpt = (scores * chosen).sum(-1) / chosen.sum(-1).clamp_min(1)  # (b)
    return per_excerpt.mean()


def mean_of_counted(values: Tensor, counted: Tensor | None) -> Tensor:
    """Average values ``(b n ...)`` over the stems that count, as `mean_of_chosen` does; over all if it is None."""
    if counted is None:
        return values.mean()
    return mean_of_chosen(values.flatten(2).mean(-1), counted)
