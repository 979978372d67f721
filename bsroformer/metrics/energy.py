"""Common functions of the metrics."""

from collections.abc import Callable

import torch
from torch import Tensor

from bsroformer.errors import InputError

LIMIT_DB = 100.0
"""Ratios stay within ±100 dB, just beyond the range of 16-bit audio (96 dB), so that a perfect
estimate (+∞) or an empty one (-∞) has a score that can be averaged, drawn and written as JSON."""

_BLOCK = 2**17
"""Samples: three seconds at 44.1 kHz, 1 MB of stereo, which stays in the processor's cache."""


def comparable(estimate: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Check that two signals have one shape, and give them at least float32 precision.

    Args:
        estimate: Estimated signal, (... c t).
        target: True signal, (... c t).

    Returns:
        The two signals in their common type, never less than float32.

    Raises:
        InputError: If the shapes differ or hold no samples.
    """
    if estimate.shape != target.shape:
        raise InputError(
            f"The estimate has shape {tuple(estimate.shape)} but the target {tuple(target.shape)}; "
            "give both the same stems, channels and samples."
        )
    if target.ndim < 2 or 0 in target.shape[-2:]:
        raise InputError(f"A signal of shape {tuple(target.shape)} cannot be scored; give (... c t), not empty.")
    common = torch.promote_types(estimate.dtype, target.dtype)
    dtype = torch.promote_types(common, torch.float32)
    return estimate.to(dtype), target.to(dtype)


def energy(signal: Tensor) -> Tensor:
    """Sum of squares over channels and samples together: (... c t) -> (...)."""
    return signal.square().sum(dim=(-2, -1))


def sum_over_blocks(energy_of: Callable[..., Tensor], *signals: Tensor) -> Tensor:
    """Add up an energy block by block.

    Temporary copies of a whole song would cost memory and time.

    Args:
        energy_of: Function of one block of each signal, (... c t) -> (...).
        signals: Signals of equal length, (... c t).

    Returns:
        The energy of the whole signals, (...).
    """
    blocks = [signal.split(_BLOCK, dim=-1) for signal in signals]
    energies = [energy_of(*block) for block in zip(*blocks, strict=True)]
    return torch.stack(energies).sum(dim=0)


def silent(signal: Tensor) -> Tensor:
    """Check for museval's silence: (... c t) -> (...).

    The channels add up to zero in every sample.
    """
    return (signal.sum(dim=-2) == 0).all(dim=-1)


def ratio_db(signal: Tensor, noise: Tensor) -> Tensor:
    """Compute the ratio of two energies in dB.

    It stays within ±:data:`LIMIT_DB`, and is NaN where both are zero.
    """
    return (10 * torch.log10(signal / noise)).clamp(-LIMIT_DB, LIMIT_DB)
