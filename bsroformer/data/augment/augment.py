"""How the stems of a training excerpt are chosen and varied."""

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
    """Several songs at once in a stem.

    Attributes:
        probability: Of a stem that is made of several.
        most: How many songs at most; at least two, then.
        gain: Lowest and highest factor of each song after the first.

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
        """The factors of the songs beside the first; none, usually."""
        if rng.random() >= self.probability:
            return []
        return [float(gain) for gain in rng.uniform(*self.gain, rng.integers(1, self.most))]


@dataclass(frozen=True)
class Augment:
    """How training excerpts are put together and varied, as this family of models is trained.

    Attributes:
        unmixed: Share of excerpts whose stems come from one place of one song, and are left as they are.
        silent_prob: Share of stems, in the other excerpts, that are silent on purpose: from places where a song rests,
            if there are any.
        active_db: RMS level in dBFS over an excerpt from which a stem is active (`bsroformer.audio.activity`); excerpts
            of stems that are not silent on purpose are drawn where it is. None: drawn anywhere.
        mixup: Several songs in a stem.
        stretch: Change of pitch and tempo.
        effects: What may then be done to a stem, in this order.

    Raises:
        InputError: If a share is none.
    """

    unmixed: Probability
    silent_prob: Probability
    active_db: Decibels | None
    mixup: Mixup
    stretch: Stretch
    effects: Mapping[str, Effect]

    def __post_init__(self) -> None:
        for name in ("unmixed", "silent_prob"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"augment.{name}={getattr(self, name)} must be from 0 to 1")

    def vary(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Vary a stem (c t) by the effects that are drawn."""
        for effect in self.effects.values():
            if rng.random() < effect.probability:
                stem = effect(stem, sample_rate, rng)
        return stem
