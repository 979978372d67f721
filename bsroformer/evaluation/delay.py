"""Detect stems that are shifted against their song, as encoders and plug-ins with latency leave them."""

import math

import torch
from torch import Tensor

SEARCHED_S = 0.5
"""Longest delay to look for, in seconds, either way."""
COMPARED_S = 20.0
"""Length of the stretch that is compared, in seconds: the loudest of the stem."""
LEAST_GAIN_DB = 3.0
"""Gain in SI-SDR by which a delay must explain an estimate better than none does."""
LEAST_CORRELATION = 0.5
"""Correlation at that delay below which an estimate is too unlike its stem to be called late."""


def constant_delay(estimates: Tensor, targets: Tensor, sample_rate: int) -> int:
    """Find the delay that all stems of a song have in common.

    It is the place of the maximum of the cross-correlation of an estimate with its stem. There, SI-SDR is
    10 log10(r^2 / (1 - r^2)) of the correlation r (Le Roux et al., 2019, section 2).

    Args:
        estimates: ``(n c t)``.
        targets: What they should be, ``(n c t)``.
        sample_rate: Hz.

    Returns:
        Samples by which the estimates are late; negative if they are early, 0 if they are not shifted or not alike.
    """
    pairs = zip(estimates, targets, strict=True)
    delays = {delay for pair in pairs if (delay := _delay(*pair, sample_rate)) is not None}
    return delays.pop() if len(delays) == 1 else 0


def _delay(estimate: Tensor, target: Tensor, sample_rate: int) -> int | None:
    """Find the delay of one stem (c t): None if it is silent or unlike, 0 unless the gain is worth a warning."""
    reach = round(SEARCHED_S * sample_rate)
    shown = _loudest(target, round(COMPARED_S * sample_rate))
    correlation = _correlation(estimate.mean(dim=0)[shown], target.mean(dim=0)[shown], reach)
    best = int(correlation.argmax())
    if not correlation[best] >= LEAST_CORRELATION:  # NaN too
        return None
    gain = _si_sdr(float(correlation[best])) - _si_sdr(float(correlation[reach]))
    return best - reach if gain >= LEAST_GAIN_DB else 0


def _loudest(target: Tensor, length: int) -> slice:
    """The stretch of a stem (c t) with the most energy."""
    blocks = [float(block.square().sum()) for block in target.split(length, dim=-1)]
    start = length * blocks.index(max(blocks))
    return slice(start, start + length)


def _correlation(estimate: Tensor, target: Tensor, reach: int) -> Tensor:
    """Normalised cross-correlation of two signals (t) at the delays from -reach to reach; NaN if one is silent."""
    size = 2 ** math.ceil(math.log2(len(target) + reach))
    spectrum = torch.fft.rfft(estimate.double(), size) * torch.fft.rfft(target.double(), size).conj()
    products = torch.fft.irfft(spectrum, size).roll(reach)[: 2 * reach + 1]
    return products / (estimate.double().norm() * target.double().norm())


def _si_sdr(correlation: float) -> float:
    """SI-SDR in dB of a signal with this correlation to its target, within ±100 dB."""
    square = min(max(correlation, 1e-5) ** 2, 1 - 1e-10)
    return 10 * math.log10(square / (1 - square))
