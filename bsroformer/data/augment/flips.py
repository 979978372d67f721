"""Random reversals: of the sign, of the channels, of time."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from bsroformer.data.augment.effect import check_probability
from bsroformer.kinds import Probability


@dataclass(frozen=True)
class Polarity:
    """A change of sign, as in Demucs.

    It is inaudible in one stem, but it changes the sum of stems.

    Attributes:
        probability: Probability that a stem is changed.
    """

    probability: Probability

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            InputError: If one is out of range.
        """
        check_probability("augment.effects.polarity", self.probability)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Negate a stem (c t)."""
        return -stem


@dataclass(frozen=True)
class ChannelSwap:
    """A swap of left and right (Uhlich et al., ICASSP 2017, section 3.3).

    Mono does not change.

    Attributes:
        probability: Probability that a stem is changed.
    """

    probability: Probability

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            InputError: If one is out of range.
        """
        check_probability("augment.effects.channel_swap", self.probability)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Reverse the order of the channels of a stem (c t)."""
        return stem.flip(-2)


@dataclass(frozen=True)
class TimeReversal:
    """A reversal of time: attacks become swells, while pitch and timbre stay.

    Attributes:
        probability: Probability that a stem is changed.
    """

    probability: Probability

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            InputError: If one is out of range.
        """
        check_probability("augment.effects.time_reversal", self.probability)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Reverse a stem (c t) in time."""
        return stem.flip(-1)
