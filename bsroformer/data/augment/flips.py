"""Random reversals: of the sign, of the channels, of time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from bsroformer.data.augment.effect import check_probability
from bsroformer.kinds import Probability


@dataclass(frozen=True)
class Reversal:
    """An effect without settings of its own.

    Attributes:
        key: Its key in the configuration.
        probability: Probability that a stem is changed.
    """

    key: ClassVar[str]
    probability: Probability

    def __post_init__(self) -> None:
        """Check the probability.

        Raises:
            InputError: If it is out of range.
        """
        check_probability(self.key, self.probability)


class Polarity(Reversal):
    """A change of sign, as in Demucs.

    It is inaudible in one stem, but it changes the sum of stems.
    """

    key = "augment.effects.polarity"

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Negate a stem (c t)."""
        return -stem


class ChannelSwap(Reversal):
    """A swap of left and right (Uhlich et al., ICASSP 2017, section 3.3).

    Mono does not change.
    """

    key = "augment.effects.channel_swap"

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Reverse the order of the channels of a stem (c t)."""
        return stem.flip(-2)


class TimeReversal(Reversal):
    """A reversal of time: attacks become swells, while pitch and timbre stay."""

    key = "augment.effects.time_reversal"

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Reverse a stem (c t) in time."""
        return stem.flip(-1)
