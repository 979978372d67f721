"""Put stems together and vary them: pure functions of the stems and a random generator."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


def mix(stems: Tensor) -> Tensor:
    """Sum stems ``(... n c t)`` to the mixture ``(... c t)``: the only place where a training mixture is made."""
    return stems.sum(dim=-3)


def random_gain(stems: Tensor, low: float, high: float, rng: np.random.Generator) -> Tensor:
    """Scale each stem of ``(n c t)`` by a factor drawn uniformly from `low` to `high`."""
    factors = torch.from_numpy(rng.uniform(low, high, len(stems))).to(stems)
    return stems * factors[:, None, None]


def random_channel_swap(stems: Tensor, probability: float, rng: np.random.Generator) -> Tensor:
    """Reverse the order of channels of each stem of ``(n c t)`` with the given probability."""
    swapped = torch.from_numpy(rng.random(len(stems)) < probability)
    return torch.where(swapped[:, None, None], stems.flip(-2), stems)


def random_polarity(stems: Tensor, probability: float, rng: np.random.Generator) -> Tensor:
    """Negate each stem of ``(n c t)`` with the given probability."""
    negated = torch.from_numpy(rng.random(len(stems)) < probability)
    return torch.where(negated[:, None, None], -stems, stems)


@dataclass(frozen=True)
class RandomMix:
    """Random mixing, as this family of models is trained: stems of different songs, each varied on its own.

    Gains as in Open-Unmix and Demucs (Uhlich et al., ICASSP 2017, section 3.3, introduced them with the swap).

    Attributes:
        unmixed: Share of excerpts whose stems come from one place of one song, and are left as they are.
        gain: Lowest and highest factor of a stem.
        channel_swap: Probability, for each stem.
        polarity: Probability of a negated stem.
    """

    unmixed: float
    gain: tuple[float, float]
    channel_swap: float
    polarity: float

    def vary(self, stems: Tensor, rng: np.random.Generator) -> Tensor:
        """Vary the stems ``(n c t)`` of one excerpt."""
        stems = random_gain(stems, *self.gain, rng)
        stems = random_channel_swap(stems, self.channel_swap, rng)
        return random_polarity(stems, self.polarity, rng)
