"""Random gain."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from bsroformer.data.augment.effect import Range, check_probability, check_range
from bsroformer.errors import InputError
from bsroformer.kinds import Probability

BOUNDS = {"factor": (0.0, 100.0), "dB": (-100.0, 40.0)}


@dataclass(frozen=True)
class Gain:
    """A gain, uniform over a range of factors or of decibels.

    Factors of 0.25 to 1.25 are Open-Unmix's and Demucs' (Uhlich et al., ICASSP 2017, section 3.3, introduced random
    gains); +-3 dB are BS-RoFormer's (arXiv 2309.02612) and +-10 dB BSRNN's (arXiv 2209.15174).

    Attributes:
        probability: Probability that a stem is changed.
        limits: Lowest and highest gain.
        scale: Unit of the limits, ``factor`` or ``dB``.
    """

    probability: Probability
    limits: Range
    scale: Literal["factor", "dB"]

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            InputError: If one is out of range.
        """
        check_probability("augment.effects.gain", self.probability)
        if self.scale not in BOUNDS:
            raise InputError(f"augment.effects.gain.scale is {self.scale}; choose {' or '.join(BOUNDS)}.")
        check_range("augment.effects.gain.limits", self.limits, *BOUNDS[self.scale])

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Scale a stem (c t)."""
        gain = rng.uniform(*self.limits)
        factor = gain if self.scale == "factor" else 10 ** (gain / 20)
        return stem * factor
