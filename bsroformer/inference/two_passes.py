"""Two passes of a separator over a mixture, and how far they agree."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import tee

import torch
from torch import Tensor

from bsroformer.inference.stream_separator import StreamSeparator
from bsroformer.inference.weighted_sum import BlockReader

FLOOR = 1e-12
"""Energy added to both sides of a ratio, so that silence has one."""


class TwoPasses(StreamSeparator):
    """The mean of two passes over a mixture, which measures how far they agree.

    The second pass has the opposite polarity, swapped channels, and windows shifted by half of one: a perfect separator
    would give the same stems. Where the passes differ, the separator is unsure.

    Args:
        separator: The separator.
        delay: Samples by which the second pass's windows are shifted.
    """

    def __init__(self, separator: StreamSeparator, delay: int) -> None:
        self.separator = separator
        self.delay = delay
        self.stems = separator.stems
        self.sample_rate = separator.sample_rate
        self.channels = separator.channels
        self._mean = torch.zeros(len(self.stems), dtype=torch.float64)
        self._difference = torch.zeros(len(self.stems), dtype=torch.float64)

    @property
    def on_windows(self) -> Callable[[int], None] | None:
        """See `StreamSeparator`; it is called for the windows of both passes."""
        return self.separator.on_windows

    @on_windows.setter
    def on_windows(self, called: Callable[[int], None] | None) -> None:
        self.separator.on_windows = called

    def count_windows(self, frames: int) -> int | None:
        """Count the windows of both passes."""
        first = self.separator.count_windows(frames)
        second = self.separator.count_windows(frames + self.delay)
        return None if first is None or second is None else first + second

    @property
    def engine_choice(self) -> str:
        """See `StreamSeparator`."""
        return self.separator.engine_choice

    @property
    def precision(self) -> str:
        """See `StreamSeparator`."""
        return self.separator.precision

    @property
    def model_digest(self) -> str:
        """See `StreamSeparator`."""
        return self.separator.model_digest

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture block by block: see `StreamSeparator.stream`."""
        self._mean.zero_()
        self._difference.zero_()
        once, again = tee(mixture)
        first = BlockReader(self.separator.stream(once))
        second = BlockReader(self._second_pass(again))
        while count := min(first.available(), second.available()):
            stems = first.read(count)
            others = second.read(count)
            mean = (stems + others) / 2
            self._mean += energy_of(mean)
            self._difference += energy_of(stems - others)
            yield mean

    def _second_pass(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate the transformed mixture, and transform its stems back."""
        left = self.delay
        for block in self.separator.stream(self._transformed(mixture)):
            skipped = min(left, block.shape[-1])
            left -= skipped
            yield -block[..., skipped:].flip(-2)

    def _transformed(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        if self.delay:
            yield torch.zeros(self.channels, self.delay)
        for block in mixture:
            yield -block.flip(0)

    def agreement(self) -> dict[str, float]:
        """Compare the passes over the last mixture: the ratio of each stem to their difference, in dB."""
        ratios = (self._mean + FLOOR) / (self._difference + FLOOR)
        return {stem: 10 * math.log10(ratio) for stem, ratio in zip(self.stems, ratios.tolist(), strict=True)}


def energy_of(stems: Tensor) -> Tensor:
    """Sum the squares of each stem ``(n c t)``: ``(n)``, in float64."""
    return stems.double().square().sum((-2, -1))
