"""Test-time augmentation: the mean over several transformations of a window."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bsroformer.inference.engines import Engine

AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "channel_swap": lambda audio: audio.flip(-2),
    "polarity": torch.neg,
}
"""Transformations of windows (b c t) and stems (b n c t); each is its own inverse."""


class AugmentedEngine:
    """An engine that returns the mean stems of each window and of its transformations.

    Args:
        engine: Separates them.
        names: Names of `AUGMENTATIONS`.
    """

    def __init__(self, engine: Engine, names: Sequence[str]) -> None:
        self.engine = engine
        self.transformations = [AUGMENTATIONS[name] for name in names]
        self.half = engine.half

    @property
    def choice(self) -> str:
        """See `Engine`."""
        return self.engine.choice

    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` into stems ``(b n c t)``."""
        passes = [self.engine(windows)]
        for transform in self.transformations:
            stems = self.engine(transform(windows))
            passes.append(transform(stems))
        return torch.stack(passes).mean(dim=0)
