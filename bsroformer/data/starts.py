"""Where excerpts can begin, known beforehand, so that drawing one never means looking for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bsroformer.data.levels import ACTIVE, BETWEEN, SILENT
from bsroformer.data.track import AnyTrack

Activity = NDArray[np.int8]


class StartInterval(NamedTuple):
    """A stretch of a song in which excerpts can begin."""

    song: int
    """Its number."""
    first: int
    """The first start."""
    starts: int
    """How many there are."""
    weight: float
    """Samples of music that stand for it: a song's length is shared out evenly over its starts."""


class StartSampler:
    """Stretches of songs in which excerpts can begin.

    Each second of music is as likely as any other, in a clip that is shorter than an excerpt and has one start as in a
    song that has millions.
    """

    def __init__(self, runs: Sequence[StartInterval]) -> None:
        self.runs = runs
        self.until = np.cumsum([run.weight for run in runs])  # the weights up to and with each stretch

    def __len__(self) -> int:
        return len(self.runs)

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """The number of a song, and a start in it."""
        at = rng.random() * self.until[-1]
        run = self.runs[min(int(np.searchsorted(self.until, at, side="right")), len(self.runs) - 1)]
        return run.song, run.first + int(rng.integers(run.starts))


class StartsByActivity(NamedTuple):
    """Where excerpts can begin, by whether something is heard in them."""

    active: StartSampler
    between: StartSampler
    """At the edges of what is heard, or where it is too short to tell by blocks."""
    silent: StartSampler

    @property
    def heard(self) -> StartSampler:
        """The active places; the next best where there are none."""
        return next((places for places in self if len(places)), self.silent)


def find_starts(
    songs: Mapping[int, AnyTrack], frames: int, activity_in: Callable[[AnyTrack], Activity | None]
) -> StartsByActivity:
    """Find where excerpts can begin.

    Args:
        songs: The songs, by number.
        frames: Length of an excerpt, samples per channel.
        activity_in: Of a song, by the block in which excerpts begin (see `Levels.activity`), or None where that is not
            known: then all places count as active.
    """
    activities = {number: activity_in(song) for number, song in songs.items()}

    def of(kind: int) -> StartSampler:
        found = (_runs(number, song, frames, activities[number], kind) for number, song in songs.items())
        return StartSampler([run for runs in found for run in runs])

    return StartsByActivity(of(ACTIVE), of(BETWEEN), of(SILENT))


def _runs(number: int, song: AnyTrack, frames: int, activity: Activity | None, kind: int) -> list[StartInterval]:
    """Stretches of starts of one kind."""
    starts = max(1, song.frames - frames + 1)
    if activity is None or song.levels is None:
        return [StartInterval(number, 0, starts, song.frames)] if kind == ACTIVE else []
    edges = np.diff(np.concatenate([[False], activity == kind, [False]]).astype(np.int8))
    begins = np.flatnonzero(edges == 1) * song.levels.block
    ends = np.minimum(np.flatnonzero(edges == -1) * song.levels.block, starts)
    return [
        StartInterval(number, int(begin), int(end - begin), song.frames * int(end - begin) / starts)
        for begin, end in zip(begins, ends, strict=True)
    ]
