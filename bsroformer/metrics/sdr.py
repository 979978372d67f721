"""Signal-to-distortion ratios of a song (uSDR) and of each second (cSDR)."""

import torch
from torch import Tensor

from bsroformer.metrics.energy import comparable, energy, ratio_db, silent, sum_over_blocks

EPS = 1e-7
"""Added to both energies of uSDR, as in the Music Demixing Challenge's scoring and Demucs' ``new_sdr``."""


def sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Compute uSDR, the SDR of a whole song in dB.

    It is the score of the Music Demixing Challenge (Mitsufuji et al., 2022).

    10 log10((|target|^2 + eps) / (|target - estimate|^2 + eps)) over all samples and channels.

    Args:
        estimate: Estimated signal, (... c t).
        target: True signal, (... c t).

    Returns:
        dB, (...). NaN where the target is silent: the formula would give a large negative number there,
        which only says how loud the estimate is and would drown every other song in a mean.

    Raises:
        InputError: If the shapes differ or hold no samples.
    """
    estimate, target = comparable(estimate, target)
    signal = sum_over_blocks(energy, target)
    error = sum_over_blocks(_error, estimate, target)
    return sdr_of_energies(signal, error)


def sdr_of_energies(target: Tensor, error: Tensor) -> Tensor:
    """Compute `sdr` from known sums over samples and channels.

    Args:
        target: |target|^2, (...).
        error: |target - estimate|^2, (...).

    Returns:
        dB, (...), as of `sdr`.
    """
    ratio = 10 * torch.log10((target + EPS) / (error + EPS))
    return torch.where(target == 0, torch.nan, ratio)


def framewise_sdr(estimates: Tensor, targets: Tensor, sample_rate: int) -> Tensor:
    """Compute the SDR of each second as museval does (BSS Eval v4, "images").

    It is hundreds of times faster.

    museval's distortion filters do not enter its SDR: all that differs from the target is error, so two
    sums per frame give the same number. Frames last one second and do not overlap; a last partial
    second is skipped, and a song shorter than a second is one frame.

    A frame in which ANY stem is silent, in its target or its estimate, is NaN for ALL stems: museval's
    rule. The stems of a song therefore belong together in one call. Silent means, as in museval, that
    the channels add up to zero in every sample.

    Args:
        estimates: Estimated stems, (n c t).
        targets: True stems, (n c t).
        sample_rate: In Hz; a frame has as many samples.

    Returns:
        dB, (n frames) float64, within ±:data:`~bsroformer.metrics.LIMIT_DB`.

    Raises:
        InputError: If the shapes differ or hold no samples.
    """
    estimates, targets = comparable(estimates, targets)
    length = min(sample_rate, targets.shape[-1])
    scores = []
    for start in range(0, targets.shape[-1] - length + 1, length):
        frame = slice(start, start + length)
        scores.append(_sdr_of_frame(estimates[..., frame], targets[..., frame]))
    return torch.stack(scores, dim=-1)


def _sdr_of_frame(estimates: Tensor, targets: Tensor) -> Tensor:
    """Compute the SDR of one second: (n c t) -> (n).

    It is in float64 like museval's, since float32 rounds to 1e-5 dB.
    """
    undefined = (silent(estimates) | silent(targets)).any()
    signal = torch.linalg.vector_norm(targets, dim=(-2, -1), dtype=torch.float64)
    error = torch.linalg.vector_norm(targets - estimates, dim=(-2, -1), dtype=torch.float64)
    ratio = ratio_db(signal.square(), error.square())
    return torch.where(undefined, torch.nan, ratio)


def _error(estimate: Tensor, target: Tensor) -> Tensor:
    """Compute the energy of the difference from the target: (... c t) -> (...)."""
    return energy(target - estimate)
