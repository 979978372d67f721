"""The same sound turned round: in its sign, between its channels, in time."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from bsroformer.data.augment.effect import check_probability
from bsroformer.kinds import Probability


@dataclass(frozen=True)
class Polarity:
    """The sign of all samples changes, as in Demucs; alone it cannot be heard, but it changes how stems add up.

    Attributes:
        probability: Of each stem.
    """

    probability: Probability

    def __post_init__(self) -> None:
        """Check the settings."""
        check_probability("augment.effects.polarity", self.probability)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Negate a stem (c t)."""
        return -stem


@dataclass(frozen=True)
class ChannelSwap:
    """Left becomes right (Uhlich et al., ICASSP 2017, section 3.3); mono stays what it is.

    Attributes:
        probability: Of each stem.
    """

    probability: Probability

    def __post_init__(self) -> None:
        """Check the settings."""
        check_probability("augment.effects.channel_swap", self.probability)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Reverse the order of the channels of a stem (c t)."""
        return stem.flip(-2)


@dataclass(frozen=True)
class TimeReversal:
    """The stem runs backwards: attacks become swells, while pitch and timbre stay.

    Attributes:
        probability: Of each stem.
    """

    probability: Probability

    def __post_init__(self) -> None:
        """Check the settings."""
        check_probability("augment.effects.time_reversal", self.probability)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Reverse a stem (c t) in time."""
        return stem.flip(-1)
