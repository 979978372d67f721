"""Where excerpts can begin, known beforehand, so that drawing one never means looking for it."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bsroformer.data.song import Song

Mask = NDArray[np.bool_]


class Places:
    """Stretches of songs in which excerpts can begin; each start in them is as likely as any other.

    Args:
        runs: Of each stretch: number of the song, first start, and how many starts there are, (runs 3).
    """

    def __init__(self, runs: NDArray[np.int64]) -> None:
        self.song, self.first = runs[:, 0], runs[:, 1]
        self.until = np.cumsum(runs[:, 2])  # starts in this stretch and those before it

    def __len__(self) -> int:
        return int(self.until[-1]) if len(self.until) else 0

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """The number of a song, and a start in it."""
        return self.at(int(rng.integers(len(self))))

    def at(self, number: int) -> tuple[int, int]:
        """The number of a song and the start in it that come at this place, counted from 0."""
        run = int(np.searchsorted(self.until, number, side="right"))
        behind = int(self.until[run]) - number  # 1 for the last start of the stretch
        length = int(self.until[run] - (self.until[run - 1] if run else 0))
        return int(self.song[run]), int(self.first[run]) + length - behind


def find_places(
    songs: Mapping[int, Song], frames: int, active_in: Callable[[Song], Mask | None]
) -> tuple[Places, Places]:
    """Find where excerpts can begin: the active places, and the silent ones.

    Args:
        songs: The songs, by number.
        frames: Length of an excerpt, samples per channel.
        active_in: The blocks of a song in which active excerpts begin (see `Levels.active`), or None where that is not
            known: then all of them count as active.
    """
    runs: tuple[list[tuple[int, int, int]], ...] = ([], [])
    for number, song in songs.items():
        active = active_in(song)
        for found, silent in zip(runs, (False, True), strict=True):
            found += [(number, first, count) for first, count in _runs(song, frames, active, silent)]
    active_places, silent_places = (Places(np.array(found, dtype=np.int64).reshape(-1, 3)) for found in runs)
    return active_places, silent_places


def _runs(song: Song, frames: int, active: Mask | None, silent: bool) -> list[tuple[int, int]]:
    """Stretches of starts, as first start and count."""
    starts = max(1, song.frames - frames + 1)
    if active is None or song.levels is None:
        return [] if silent else [(0, starts)]
    wanted = np.concatenate([[False], active != silent, [False]]).astype(np.int8)
    edges = np.diff(wanted)
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    block = song.levels.block
    return [(int(b) * block, min(int(e) * block, starts) - int(b) * block) for b, e in zip(begins, ends, strict=True)]
