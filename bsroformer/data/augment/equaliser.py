"""Random equaliser: a few bells and shelves, like those of another producer."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bsroformer.audio.equaliser import Band, Bell, HighShelf, LowShelf, equalise
from bsroformer.data.augment.effect import Range, check_probability, check_range
from bsroformer.kinds import CountOrZero, Probability

LOWEST_HZ = 40
"""Below it, the rounding of float32 in a narrow bell is louder than -70 dB."""
HIGHEST_SHARE = 0.45
"""Largest centre as a share of the sample rate: beyond half of it a filter is not stable."""


@dataclass(frozen=True)
class Equaliser:
    """Several bands, each a bell or a low or a high shelf.

    Second-order sections by SciPy: torchaudio's biquads, and a product of spectra, take several times as long.

    Attributes:
        probability: Probability that a stem is changed.
        bands: Smallest and largest number of bands.
        gain_db: Gain of a band, uniform in dB.
        hz: Its centre, uniform in octaves.
        q: Quality of a bell, uniform in its logarithm: the higher, the narrower.
    """

    probability: Probability
    bands: tuple[CountOrZero, CountOrZero]
    gain_db: Range
    hz: Range
    q: Range

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            InputError: If one is out of range.
        """
        key = "augment.effects.equaliser"
        check_probability(key, self.probability)
        check_range(f"{key}.bands", self.bands, 1, 16)
        check_range(f"{key}.gain_db", self.gain_db, -40, 40)
        check_range(f"{key}.hz", self.hz, LOWEST_HZ, 20_000)
        check_range(f"{key}.q", self.q, 0.1, 10)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Send a stem (c t) through random bands."""
        fewest, most = self.bands
        number = rng.integers(fewest, most, endpoint=True)
        bands = [self._band(sample_rate, rng) for _ in range(number)]
        return torch.from_numpy(equalise(stem.numpy(), bands, sample_rate))

    def _band(self, sample_rate: int, rng: np.random.Generator) -> Band:
        highest = HIGHEST_SHARE * sample_rate
        hz = min(_log_uniform(self.hz, rng), highest)
        gain_db = rng.uniform(*self.gain_db)
        q = _log_uniform(self.q, rng)
        kinds: tuple[Callable[[], Band], ...] = (
            lambda: Bell(hz, gain_db, q),
            lambda: LowShelf(hz, gain_db),
            lambda: HighShelf(hz, gain_db),
        )
        return kinds[rng.integers(len(kinds))]()


def _log_uniform(limits: Range, rng: np.random.Generator) -> float:
    lowest, highest = limits
    return math.exp(rng.uniform(math.log(lowest), math.log(highest)))
