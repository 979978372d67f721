"""Scale-invariant signal-to-distortion ratio (Le Roux et al., 2019).

The paper is "SDR - half-baked or well done?", arXiv 1811.02508.
"""

import torch
from torch import Tensor

from bsroformer.metrics.energy import LIMIT_DB, comparable, energy, ratio_db, sum_over_blocks


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Compute SI-SDR in dB: the SDR for the target at its best gain.

    With alpha = <estimate, target> / |target|^2 this is
    10 log10(|alpha target|^2 / |alpha target - estimate|^2). One gain holds for all channels and
    samples together, so a wrong balance of left and right is an error; the mean is not removed.

    Args:
        estimate: Estimated signal, (... c t).
        target: True signal, (... c t).

    Returns:
        dB, (...), within ±:data:`~bsroformer.metrics.LIMIT_DB`. NaN where the target is silent, since
        the ratio is undefined. The lower limit where the estimate is silent or orthogonal to the target: it
        contains nothing of it, and a silent estimate must count in a mean.

    Raises:
        InputError: If the shapes differ or hold no samples.
    """
    estimate, target = comparable(estimate, target)
    signal = sum_over_blocks(energy, target)  # ...
    alpha = sum_over_blocks(inner_product, estimate, target) / signal  # ...; 0 / 0 = NaN for a silent target
    gain = alpha[..., None, None]
    error = sum_over_blocks(lambda estimate, target: energy(gain * target - estimate), estimate, target)
    return _ratio(alpha, signal, error)


def si_sdr_of_energies(target: Tensor, estimate: Tensor, product: Tensor) -> Tensor:
    """Compute `si_sdr` from known sums over samples and channels.

    |alpha target - estimate|^2 = |estimate|^2 - <estimate, target>^2 / |target|^2, a difference of nearly equal
    numbers where the estimate is good: give float64 sums, which leave it exact beyond the limit in dB.

    Args:
        target: |target|^2, (...).
        estimate: |estimate|^2, (...).
        product: <estimate, target>, (...).

    Returns:
        dB, (...), as of `si_sdr`.
    """
    alpha = product / target
    error = estimate - alpha * product
    return _ratio(alpha, target, error.clamp(min=0))


def inner_product(estimate: Tensor, target: Tensor) -> Tensor:
    """Compute the inner product over channels and samples: (... c t) -> (...)."""
    return (estimate * target).sum(dim=(-2, -1))


def _ratio(alpha: Tensor, signal: Tensor, error: Tensor) -> Tensor:
    """Compute the ratio of the scaled target and the error in dB, (...).

    It is the lower limit if the estimate has no target.
    """
    return torch.where(alpha == 0, -LIMIT_DB, ratio_db(alpha.square() * signal, error))
