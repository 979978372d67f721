"""Levels of a track's stems by block: they show where a stem is active or silent."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bsroformer.audio.activity import is_active

BLOCK_SECONDS = 0.1
"""Length of a block: short beside an excerpt, and 3,000 of them in a song of 5 minutes."""
ACTIVE, BETWEEN, SILENT = 1, 0, -1


@dataclass(frozen=True)
class Levels:
    """Levels of a track's stems.

    Attributes:
        block: Samples per block; the last block of a track may be shorter.
        energy: Sum of squares over channels and samples of each block, (n blocks).
        channels: Channels of the track.
    """

    block: int
    energy: NDArray[np.floating]
    channels: int

    def activity(self, stem: int, frames: int, length: int, least_db: float) -> NDArray[np.int8]:
        """Classify excerpts of a stem by the block in which they start.

        Args:
            stem: Number of the stem.
            frames: Samples per channel of an excerpt.
            length: Samples per channel of the track.
            least_db: RMS level over an excerpt, dBFS, from which it is active.

        Returns:
            (starts / block): `ACTIVE` or `SILENT` if that holds for every start in the block, else `BETWEEN`.
        """
        starts = max(1, length - frames + 1)
        first = np.arange(0, starts, self.block)  # first start in each block, samples
        last = np.minimum(first + self.block, starts) - 1
        first_end = first + frames
        last_end = last + frames
        # Blocks that every excerpt contains, and blocks that any of them touches.
        contained = self._energy(stem, _blocks(last, self.block), first_end // self.block, first_end >= length)
        touched = self._energy(stem, first // self.block, _blocks(last_end, self.block), last_end >= length)
        samples = frames * self.channels
        all_active = is_active(contained, samples, least_db)
        any_active = is_active(touched, samples, least_db)
        return np.where(all_active, ACTIVE, np.where(any_active, BETWEEN, SILENT)).astype(np.int8)

    def _energy(
        self, stem: int, begin: NDArray[np.int64], end: NDArray[np.int64], to_the_end: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Sum the energy of the blocks in [begin, end), or to the track's last block."""
        cumulative = np.concatenate([[0.0], np.cumsum(self.energy[stem], dtype=np.float64)])
        blocks = len(cumulative) - 1
        end = np.where(to_the_end, blocks, np.minimum(end, blocks))
        return cumulative[np.maximum(begin, end)] - cumulative[begin]


def _blocks(samples: NDArray[np.int64], block: int) -> NDArray[np.int64]:
    """Divide by the length of a block, rounding up."""
    return -(-samples // block)


def block_levels(audio: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Measure energy and peak (2 blocks) of audio (t c) by block.

    The last block may be shorter.
    """
    edges = np.arange(0, len(audio), block)
    squares = np.square(audio, dtype=np.float64).sum(1)
    energy = np.add.reduceat(squares, edges)
    peaks = np.maximum.reduceat(np.abs(audio).max(1), edges)
    return np.stack([energy, peaks]).astype(np.float32)
