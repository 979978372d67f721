"""How loud the stems of a song are, block by block: what tells where they rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bsroformer.audio.activity import is_active

BLOCK_SECONDS = 0.1
"""Length of a block: short beside an excerpt, and 3,000 of them in a song of 5 minutes."""
ACTIVE, BETWEEN, SILENT = 1, 0, -1


@dataclass(frozen=True)
class Levels:
    """Levels of a song's stems.

    Attributes:
        block: Samples per block; the last one of a song may be shorter.
        energy: Sum of squares over channels and samples of each block, (n blocks).
        channels: Of the song.
    """

    block: int
    energy: NDArray[np.floating]
    channels: int

    def activity(self, stem: int, frames: int, length: int, least_db: float) -> NDArray[np.int8]:
        """Whether a stem is heard in excerpts, by the block in which they begin.

        Args:
            stem: Its place among the stems.
            frames: Samples per channel of the excerpts.
            length: Samples per channel of the song.
            least_db: RMS level over the excerpt, in dBFS, from which it counts as heard.

        Returns:
            For each block that holds a start, (starts / block): `ACTIVE` or `SILENT` if that holds wherever in the
            block the excerpt begins, else `BETWEEN`.
        """
        starts = max(1, length - frames + 1)
        first = np.arange(-(-starts // self.block)) * self.block  # samples: the first start in each block
        last = np.minimum(first + self.block, starts) - 1
        soonest, latest = first + frames, last + frames  # samples: where the excerpts end
        inside = self._energy(stem, _upwards(last, self.block), soonest // self.block, soonest >= length)
        touched = self._energy(stem, first // self.block, _upwards(latest, self.block), latest >= length)
        samples = frames * self.channels
        surely, perhaps = is_active(inside, samples, least_db), is_active(touched, samples, least_db)
        return np.where(surely, ACTIVE, np.where(perhaps, BETWEEN, SILENT)).astype(np.int8)

    def _energy(
        self, stem: int, begin: NDArray[np.int64], end: NDArray[np.int64], to_the_end: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Energy of the blocks from `begin` to before `end`, or to the song's last."""
        summed = np.concatenate([[0.0], np.cumsum(self.energy[stem], dtype=np.float64)])
        blocks = len(summed) - 1
        end = np.where(to_the_end, blocks, np.minimum(end, blocks))
        return summed[np.maximum(begin, end)] - summed[begin]


def _upwards(samples: NDArray[np.int64], block: int) -> NDArray[np.int64]:
    """The first block that begins there or later."""
    return -(-samples // block)


def block_levels(audio: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Energy and peak (2 blocks) of audio (t c), cut into blocks; the last may be shorter."""
    edges = np.arange(0, len(audio), block)
    squares = np.square(audio, dtype=np.float64).sum(1)
    peaks = np.maximum.reduceat(np.abs(audio).max(1), edges)
    return np.stack([np.add.reduceat(squares, edges), peaks]).astype(np.float32)
