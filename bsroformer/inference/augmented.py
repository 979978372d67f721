"""Test-time augmentation: the mean over ways to present the same window."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bsroformer.inference.engines import Engine

# Each undoes itself, on windows (b c t) as on stems (b n c t).
AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "channel_swap": lambda audio: audio.flip(-2),
    "polarity": torch.neg,
}


class Augmented:
    """An engine whose stems are the mean of those of a window as it is, and of it changed in each way.

    Args:
        engine: Computes each of them.
        ways: Of `AUGMENTATIONS`.
    """

    def __init__(self, engine: Engine, ways: Sequence[str]) -> None:
        self.engine, self.changes = engine, [AUGMENTATIONS[way] for way in ways]
        self.half = engine.half

    @property
    def choice(self) -> str:
        """See `Engine`."""
        return self.engine.choice

    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` into stems ``(b n c t)``."""
        passes = [self.engine(windows), *(change(self.engine(change(windows))) for change in self.changes)]
        return torch.stack(passes).mean(dim=0)
