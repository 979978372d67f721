"""Another room."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bsroformer.audio.room import SHORTEST_DECAY, impulse_response, reverberation
from bsroformer.data.augment.effect import Range, check_probability, check_range
from bsroformer.kinds import Probability


@dataclass(frozen=True)
class Reverb:
    """A random room is added; the direct sound stays where and as it is.

    The excerpt is all that the room hears: what sounded before it does not ring on in it.

    Attributes:
        probability: Of each stem.
        decay: Seconds until the room is 60 dB down (RT60), uniform.
        level_db: Of the room against a mono stem, uniform in dB.
    """

    probability: Probability
    decay: Range
    level_db: Range

    def __post_init__(self) -> None:
        """Check the settings."""
        key = "augment.effects.reverb"
        check_probability(key, self.probability)
        check_range(f"{key}.decay", self.decay, SHORTEST_DECAY, 10)
        check_range(f"{key}.level_db", self.level_db, -100, 20)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Put a stem (c t) into a room."""
        room = impulse_response(rng, rng.uniform(*self.decay), sample_rate, channels=len(stem))
        level = 10 ** (rng.uniform(*self.level_db) / 20)
        return stem + level * torch.from_numpy(reverberation(stem.numpy(), room))
