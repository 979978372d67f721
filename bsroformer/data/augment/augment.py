"""Choice and augmentation of the stems of a training excerpt."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from bsroformer.data.augment.effect import Effect, Range, check_probability, check_range
from bsroformer.data.augment.stretch import Stretch
from bsroformer.errors import InputError
from bsroformer.kinds import Count, Decibels, Probability


@dataclass(frozen=True)
class Mixup:
    """Several tracks at once in a stem.

    Attributes:
        probability: Probability that a stem is the sum of several.
        most: Largest number of tracks in such a stem; the smallest is two.
        gain: Lowest and highest factor of each track after the first.

    Raises:
        InputError: If one is out of range.
    """

    probability: Probability
    most: Count
    gain: Range

    def __post_init__(self) -> None:
        check_probability("augment.mixup", self.probability)
        check_range("augment.mixup.gain", self.gain, 0, 10)
        if self.most < 2:
            raise InputError(f"augment.mixup.most={self.most} must be 2 or more")

    def draw(self, rng: np.random.Generator) -> list[float]:
        """Draw the factors of the tracks after the first; usually none."""
        if rng.random() >= self.probability:
            return []
        number = rng.integers(1, self.most)
        return [float(gain) for gain in rng.uniform(*self.gain, number)]


@dataclass(frozen=True)
class Augment:
    """Combination and augmentation of training excerpts.

    Attributes:
        unmixed: Share of excerpts whose stems come from one start in one track.
        silent_prob: Share of stems, in the other excerpts, that are silent on purpose: from silent regions of a track,
            if there are any.
        active_db: RMS level in dBFS over an excerpt from which a stem is active (`bsroformer.audio.activity`); excerpts
            of stems that are not silent on purpose start where it is. None: they start anywhere.
        mixup: Several tracks in a stem.
        stretch: Change of pitch and tempo.
        effects: Effects of a stem, in this order.
        vary_unmixed: Apply the effects to the stems of unmixed excerpts too.

    Raises:
        InputError: If a share is out of range.
    """

    unmixed: Probability
    silent_prob: Probability
    active_db: Decibels | None
    mixup: Mixup
    stretch: Stretch
    effects: Mapping[str, Effect]
    vary_unmixed: bool = False

    def __post_init__(self) -> None:
        for name in ("unmixed", "silent_prob"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"augment.{name}={getattr(self, name)} must be from 0 to 1")

    def vary(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Apply randomly chosen effects to a stem (c t)."""
        for effect in self.effects.values():
            if rng.random() < effect.probability:
                stem = effect(stem, sample_rate, rng)
        return stem
