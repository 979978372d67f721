"""Random reverberation."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bsroformer.audio.reverb import SHORTEST_DECAY, impulse_response, reverberation
from bsroformer.data.augment.effect import Range, check_probability, check_range
from bsroformer.kinds import Probability


@dataclass(frozen=True)
class Reverb:
    """Reverberation of a random room, added to the unchanged direct sound.

    It is that of the excerpt alone: sound before the excerpt has no tail in it.

    Attributes:
        probability: Probability that a stem is changed.
        decay: Seconds until the reverberation is 60 dB down (RT60), uniform.
        level_db: Level of the reverberation of a mono stem relative to it, uniform in dB.
    """

    probability: Probability
    decay: Range
    level_db: Range

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            InputError: If one is out of range.
        """
        key = "augment.effects.reverb"
        check_probability(key, self.probability)
        check_range(f"{key}.decay", self.decay, SHORTEST_DECAY, 10)
        check_range(f"{key}.level_db", self.level_db, -100, 20)

    def __call__(self, stem: Tensor, sample_rate: int, rng: np.random.Generator) -> Tensor:
        """Add reverberation to a stem (c t)."""
        decay = rng.uniform(*self.decay)
        response = impulse_response(rng, decay, sample_rate, channels=len(stem))
        level = 10 ** (rng.uniform(*self.level_db) / 20)
        added = torch.from_numpy(reverberation(stem.numpy(), response))
        return stem + level * added
