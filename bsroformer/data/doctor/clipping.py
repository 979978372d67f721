"""Runs of samples at full scale: what a converter or an export that was too loud leaves."""

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 1 - 2**-15
"""The largest sample of 16 bits. Samples beyond 1, which floats can have, are not clipped."""
RUN_SECONDS = 1e-4
"""Shortest run that counts, 4 samples at 44.1 kHz. An unclipped sine of that level stays within a step of 16 bits for
2 * sqrt(2 * 2**-15) / (2 * pi * f) seconds: so long only below 25 Hz."""
LEAST_RUN = 3  # samples, at low rates


class ClippedRuns:
    """Counts runs of clipped samples in a stream.

    Args:
        sample_rate: Hz.
        channels: Of the stream.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.count = 0
        """Runs, over all channels."""
        self.first: int | None = None
        """Sample at which the first begins."""
        self.longest = 0
        """Samples."""
        self._least = max(LEAST_RUN, round(RUN_SECONDS * sample_rate))
        self._open = [0] * channels  # samples of the run that reaches to the end of what was added
        self._start = 0

    def add(self, audio: NDArray[np.float32], peak: float) -> None:
        """Count on, in the next samples (c t), whose largest is `peak`."""
        if peak >= FULL_SCALE or any(self._open):
            level = np.abs(audio)
            full = (level >= FULL_SCALE) & (level <= 1)
            for channel, samples in enumerate(full):
                self._add_channel(channel, samples)
        self._start += audio.shape[1]

    def close(self) -> None:
        """Count the runs that last to the end."""
        for length in self._open:
            self._count(self._start - length, length)
        self._open = [0] * len(self._open)

    def _add_channel(self, channel: int, full: NDArray[np.bool_]) -> None:
        edges = np.diff(np.concatenate([[False], full, [False]]).astype(np.int8))
        runs = list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))
        before, self._open[channel] = self._open[channel], 0
        if before and not full[0]:
            self._count(self._start - before, before)
            before = 0
        for begin, end in runs:
            length = int(end - begin) + (before if begin == 0 else 0)
            if end == len(full):
                self._open[channel] = length
            else:
                self._count(self._start + int(end) - length, length)

    def _count(self, first: int, length: int) -> None:
        if length >= self._least:
            self.count += 1
            self.longest = max(self.longest, length)
            self.first = first if self.first is None else min(self.first, first)
