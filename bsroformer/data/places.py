"""Where excerpts can begin, known beforehand, so that drawing one never means looking for it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bsroformer.data.levels import ACTIVE, BETWEEN, SILENT
from bsroformer.data.song import Song

Activity = NDArray[np.int8]


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
        before = int(self.until[run - 1]) if run else 0
        return int(self.song[run]), int(self.first[run]) + number - before


class FoundPlaces(NamedTuple):
    """Where excerpts can begin, by whether something is heard in them."""

    active: Places
    between: Places
    """At the edges of what is heard, or where it is too short to tell by blocks."""
    silent: Places

    @property
    def heard(self) -> Places:
        """The active places; the next best where there are none."""
        return next((places for places in self if len(places)), self.silent)


def find_places(songs: Mapping[int, Song], frames: int, activity_in: Callable[[Song], Activity | None]) -> FoundPlaces:
    """Find where excerpts can begin.

    Args:
        songs: The songs, by number.
        frames: Length of an excerpt, samples per channel.
        activity_in: Of a song, by the block in which excerpts begin (see `Levels.activity`), or None where that is not
            known: then all places count as active.
    """
    activities = {number: activity_in(song) for number, song in songs.items()}

    def of(kind: int) -> Places:
        runs = [
            (number, first, count)
            for number, song in songs.items()
            for first, count in _runs(song, frames, activities[number], kind)
        ]
        return Places(np.array(runs, dtype=np.int64).reshape(-1, 3))

    return FoundPlaces(of(ACTIVE), of(BETWEEN), of(SILENT))


def _runs(song: Song, frames: int, activity: Activity | None, kind: int) -> list[tuple[int, int]]:
    """Stretches of starts of one kind, as first start and count."""
    starts = max(1, song.frames - frames + 1)
    if activity is None or song.levels is None:
        return [(0, starts)] if kind == ACTIVE else []
    edges = np.diff(np.concatenate([[False], activity == kind, [False]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    block = song.levels.block
    return [(int(b) * block, min(int(e) * block, starts) - int(b) * block) for b, e in zip(begins, ends, strict=True)]
