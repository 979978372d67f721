"""Detection of stems with a delay, as encoders and plug-ins with latency cause it."""

import math

import torch
from torch import Tensor

SEARCHED_S = 0.5
"""Longest delay to search for, in seconds, in either direction."""
COMPARED_S = 20.0
"""Length of the compared excerpt, the loudest of the stem, in seconds."""
LEAST_GAIN_DB = 3.0
"""Minimal gain in SI-SDR of a delay over none."""
LEAST_CORRELATION = 0.5
"""Minimal correlation at that delay; estimates below it are too unlike their stem."""


def constant_delay(estimates: Tensor, targets: Tensor, sample_rate: int) -> int:
    """Find the common delay of all stems of a track.

    It is the position of the maximum of the cross-correlation of an estimate with its stem. There, SI-SDR is
    10 log10(r^2 / (1 - r^2)) of the correlation r (Le Roux et al., 2019, section 2).

    Args:
        estimates: ``(n c t)``.
        targets: True stems, ``(n c t)``.
        sample_rate: Hz.

    Returns:
        Samples by which the estimates are late; negative if they are early, 0 if they are not shifted or not alike.
    """
    delays = set()
    for estimate, target in zip(estimates, targets, strict=True):
        delay = _delay(estimate, target, sample_rate)
        if delay is not None:
            delays.add(delay)
    return delays.pop() if len(delays) == 1 else 0


def _delay(estimate: Tensor, target: Tensor, sample_rate: int) -> int | None:
    """Find the delay of one stem (c t).

    It is None if the estimate is silent or unlike, and 0 unless the gain is worth a warning.
    """
    reach = round(SEARCHED_S * sample_rate)
    excerpt = _loudest(target, round(COMPARED_S * sample_rate))
    correlation = _correlation(estimate.mean(dim=0)[excerpt], target.mean(dim=0)[excerpt], reach)
    best = int(correlation.argmax())
    if not correlation[best] >= LEAST_CORRELATION:  # NaN too
        return None
    gain = _si_sdr(float(correlation[best])) - _si_sdr(float(correlation[reach]))
    return best - reach if gain >= LEAST_GAIN_DB else 0


def _loudest(target: Tensor, length: int) -> slice:
    """Find the excerpt of a stem (c t) with the most energy."""
    blocks = [float(block.square().sum()) for block in target.split(length, dim=-1)]
    start = length * blocks.index(max(blocks))
    return slice(start, start + length)


def _correlation(estimate: Tensor, target: Tensor, reach: int) -> Tensor:
    """Correlate two signals (t) at the delays from -reach to reach, normalised.

    The result is NaN if one is silent.
    """
    size = 2 ** math.ceil(math.log2(len(target) + reach))
    spectrum = torch.fft.rfft(estimate.double(), size) * torch.fft.rfft(target.double(), size).conj()
    products = torch.fft.irfft(spectrum, size).roll(reach)[: 2 * reach + 1]
    return products / (estimate.double().norm() * target.double().norm())


def _si_sdr(correlation: float) -> float:
    """Compute SI-SDR in dB from the correlation with the target, within ±100 dB."""
    square = min(max(correlation, 1e-5) ** 2, 1 - 1e-10)
    return 10 * math.log10(square / (1 - square))
