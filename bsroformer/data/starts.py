"""Starts of excerpts: intervals by activity, and draws from them."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bsroformer.data.levels import ACTIVE, BETWEEN, SILENT
from bsroformer.data.track import AnyTrack

Activity = NDArray[np.int8]


class StartInterval(NamedTuple):
    """An interval of a track in which excerpts can start."""

    track: int
    """Number of the track."""
    first: int
    """First start, a sample."""
    starts: int
    """Number of starts."""
    weight: float
    """Share of the track's samples, times its weight: its length, divided evenly over its starts."""


class StartSampler:
    """Draws starts from intervals of several tracks.

    Each second of music is equally likely, in a clip shorter than an excerpt, which has one start, as in a track with
    millions of starts.

    Args:
        intervals: The intervals to draw from.
    """

    def __init__(self, intervals: Sequence[StartInterval]) -> None:
        self.intervals = intervals
        self.cumulative = np.cumsum([interval.weight for interval in intervals])

    def __len__(self) -> int:
        return len(self.intervals)

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw the number of a track, and a start in it."""
        weight = rng.random() * self.cumulative[-1]
        number = int(np.searchsorted(self.cumulative, weight, side="right"))
        last = len(self.intervals) - 1
        interval = self.intervals[min(number, last)]
        start = interval.first + int(rng.integers(interval.starts))
        return interval.track, start


class StartsByActivity(NamedTuple):
    """Starts of excerpts, by whether the stems are active in them."""

    active: StartSampler
    between: StartSampler
    """Starts at the edges of what is active, or where it is too short to decide by blocks."""
    silent: StartSampler

    @property
    def best(self) -> StartSampler:
        """The most active starts that exist."""
        for starts in self:
            if len(starts):
                return starts
        return self.silent


def find_starts(
    tracks: Mapping[int, AnyTrack], frames: int, activity_of: Callable[[AnyTrack], Activity | None]
) -> StartsByActivity:
    """Find where excerpts can start.

    Args:
        tracks: The tracks, by number.
        frames: Length of an excerpt, samples per channel.
        activity_of: Activity of a track by the block in which an excerpt starts (see `Levels.activity`), or None if it
            is unknown: then all starts count as active.
    """
    activities = {number: activity_of(track) for number, track in tracks.items()}

    def starts_of(kind: int) -> StartSampler:
        intervals: list[StartInterval] = []
        for number, track in tracks.items():
            intervals += _intervals(number, track, frames, activities[number], kind)
        return StartSampler(intervals)

    return StartsByActivity(starts_of(ACTIVE), starts_of(BETWEEN), starts_of(SILENT))


def _intervals(number: int, track: AnyTrack, frames: int, activity: Activity | None, kind: int) -> list[StartInterval]:
    """List the intervals of one kind of activity."""
    starts = max(1, track.frames - frames + 1)
    if activity is None or track.levels is None:
        return [StartInterval(number, 0, starts, track.weight * track.frames)] if kind == ACTIVE else []
    edges = np.diff(np.concatenate([[False], activity == kind, [False]]).astype(np.int8))
    begins = np.flatnonzero(edges == 1) * track.levels.block
    ends = np.minimum(np.flatnonzero(edges == -1) * track.levels.block, starts)
    intervals = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        weight = track.weight * track.frames * (end - begin) / starts
        intervals.append(StartInterval(number, begin, end - begin, weight))
    return intervals
