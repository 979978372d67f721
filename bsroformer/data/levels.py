"""How loud the stems of a song are, block by block: what tells where they rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_SECONDS = 0.1
"""Length of a block: short beside an excerpt, and 3,000 of them in a song of 5 minutes."""


@dataclass(frozen=True)
class Levels:
    """Levels of a song's stems.

    Attributes:
        block: Samples per block; the last one of a song may be shorter.
        energy: Sum of squares over channels and samples of each block, (n blocks).
        peak: Largest absolute sample of each block, (n blocks).
        channels: Of the song.
    """

    block: int
    energy: NDArray[np.float64]
    peak: NDArray[np.float32]
    channels: int

    def active(self, stem: int, frames: int, length: int, least_db: float) -> NDArray[np.bool_]:
        """In which blocks an excerpt can begin so that a stem is heard in it, wherever in the block it begins.

        Args:
            stem: Its place among the stems.
            frames: Samples per channel of the excerpt.
            length: Samples per channel of the song.
            least_db: RMS level over the excerpt, in dBFS, from which it counts as heard.

        Returns:
            A truth value for each block that holds a start, (starts / block).
        """
        blocks = self.energy.shape[1]
        starts = max(1, length - frames + 1)
        first = np.arange(-(-starts // self.block))  # blocks in which an excerpt can begin
        last_start = np.minimum((first + 1) * self.block, starts) - 1
        # Blocks that are in the excerpt whole, wherever it begins in `first`; a song that is shorter is in it whole.
        begin = np.where(last_start > first * self.block, first + 1, first)
        end = np.where(first * self.block + frames >= length, blocks, (first * self.block + frames) // self.block)
        summed = np.concatenate([[0.0], np.cumsum(self.energy[stem])])
        energy = summed[np.maximum(begin, end)] - summed[begin]
        return energy >= 10 ** (least_db / 10) * frames * self.channels


def block_levels(audio: NDArray[np.float32], block: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Energy and peak (blocks) of audio (t c), cut into blocks; the last may be shorter."""
    edges = np.arange(0, len(audio), block)
    squares = np.square(audio, dtype=np.float64).sum(1)
    return np.add.reduceat(squares, edges), np.maximum.reduceat(np.abs(audio).max(1), edges)
