"""How far an average over songs can be trusted: its confidence interval, and that of the difference of two methods.

Other songs would have given other averages. The percentile bootstrap (Efron & Tibshirani, An Introduction to the
Bootstrap, 1993, ch. 13) draws as many songs as there are, with replacement, many times, averages each draw as the table
does, and takes the range that the middle 95 % of those averages lie in. A draw is the same for all stems and for both
methods of a difference: songs that are hard for one are hard for the other, and what they have in common cancels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bsroformer.evaluation.scores import FRAMEWISE, MEAN, Evaluation, TrackScores

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 0

Array = NDArray[np.float64]
Interval = tuple[float, float]
Intervals = dict[str, dict[str, Interval | None]]
"""Stem or :data:`MEAN` -> metric -> lower and upper end in dB; None with fewer than two songs that have a score."""


@dataclass(frozen=True)
class Difference:
    """By how much one average is above another.

    Attributes:
        difference: In dB; NaN where no song has both scores.
        interval: Its confidence interval; None with fewer than two such songs.
        better: In how many songs it is above.
        songs: How many songs have both scores.
    """

    difference: float
    interval: Interval | None
    better: int
    songs: int


@dataclass(frozen=True)
class Differences:
    """One method compared with another over the songs that both scored.

    Attributes:
        method: The one.
        minus: The other.
        songs: How many songs both scored.
        scores: Stem or :data:`MEAN` -> metric -> the difference of their averages.
    """

    method: str
    minus: str
    songs: int
    scores: dict[str, dict[str, Difference]]


def intervals(evaluation: Evaluation) -> Intervals:
    """The confidence intervals of a method's averages."""
    copies = resamples(len(evaluation.songs))
    found: Intervals = {row: {} for row in (*evaluation.stems, MEAN)}
    for metric in evaluation.metrics:
        scores = _table(evaluation.songs, evaluation.stems, metric)  # song stem
        averages = _with_mean(averages_of_copies(metric, scores, copies))  # resample row
        for of_row, average, values in zip(found.values(), averages.T, _with_mean(scores).T, strict=True):
            of_row[metric] = _interval(average, _count(values))
    return found


def differences(method: Evaluation, minus: Evaluation) -> Differences:
    """Compare two methods over the songs that both scored; each stem over those in which both have a score of it."""
    songs = {song.song: song for song in minus.songs}
    pairs = [(song, songs[song.song]) for song in method.songs if song.song in songs]
    stems = [stem for stem in method.stems if stem in minus.stems]
    copies = resamples(len(pairs))
    found: dict[str, dict[str, Difference]] = {row: {} for row in (*stems, MEAN)}
    for metric in (metric for metric in method.metrics if metric in minus.metrics):
        one, other = (_table(side, stems, metric) for side in (list(zip(*pairs, strict=True)) or [(), ()]))  # song stem
        there = np.isfinite(one - other)
        one, other = np.where(there, one, np.nan), np.where(there, other, np.nan)
        above = _with_mean(one) - _with_mean(other)  # song row
        once = np.ones((1, len(pairs)))
        averages, average = (
            _with_mean(averages_of_copies(metric, one, of)) - _with_mean(averages_of_copies(metric, other, of))
            for of in (copies, once)
        )
        for n, of_row in enumerate(found.values()):
            count = _count(above[:, n])
            better = int((above[:, n] > 0).sum())
            of_row[metric] = Difference(float(average[0, n]), _interval(averages[:, n], count), better, count)
    return Differences(method.method, minus.method, len(pairs), found)


@lru_cache(maxsize=4)
def resamples(songs: int) -> Array:
    """How many copies of each song a resample has, (resample song); always the same for as many songs."""
    drawn = np.random.default_rng(SEED).integers(songs, size=(RESAMPLES, songs)) if songs else np.empty((RESAMPLES, 0))
    places = drawn + songs * np.arange(RESAMPLES)[:, None]
    copies = np.bincount(places.astype(np.int64).ravel(), minlength=RESAMPLES * songs)
    found = copies.reshape(RESAMPLES, songs).astype(np.float64)
    found.setflags(write=False)  # it is kept for the next call
    return found


def averages_of_copies(metric: str, scores: Array, copies: Array) -> Array:
    """Average each stem over songs as `scores.average` does, with some copies of each song.

    Args:
        metric: Whose average is meant.
        scores: dB, (song stem); NaN where undefined.
        copies: How often each song counts, (resample song).

    Returns:
        dB, (resample stem); NaN where a resample has no song with a score.
    """
    average = _median if metric in FRAMEWISE else _mean
    return np.stack([average(stem[~np.isnan(stem)], copies[:, ~np.isnan(stem)]) for stem in scores.T], axis=1)


def _mean(values: Array, copies: Array) -> Array:
    """Means of values (song), each counted `copies` (resample song) times: (resample)."""
    totals = copies.sum(axis=1)
    return np.divide(copies @ values, totals, out=np.full(len(copies), np.nan), where=totals > 0)


def _median(values: Array, copies: Array) -> Array:
    """Medians of values (song), each counted `copies` (resample song) times: (resample).

    Of an even number it is the mean of the middle two.
    """
    if not len(values):
        return np.full(len(copies), np.nan)
    order = np.argsort(values)
    counted = copies[:, order].cumsum(axis=1)  # up to and with each value
    totals = counted[:, -1:]
    middle = ((totals - 1) // 2, totals // 2)
    lower, upper = (np.minimum((counted <= place).sum(axis=1), len(values) - 1) for place in middle)
    return np.where(totals[:, 0] > 0, (values[order[lower]] + values[order[upper]]) / 2, np.nan)


def _table(songs: Sequence[TrackScores], stems: Sequence[str], metric: str) -> Array:
    """One metric of all songs, (song stem)."""
    return np.array([[song.score(stem, metric) for stem in stems] for song in songs]).reshape(len(songs), len(stems))


def _with_mean(scores: Array) -> Array:
    """Append the mean over the stems that have a score: (... stem) -> (... row)."""
    there = ~np.isnan(scores)
    count = there.sum(axis=1)
    total = np.where(there, scores, 0.0).sum(axis=1)
    mean = np.divide(total, count, out=np.full(len(scores), np.nan), where=count > 0)
    return np.column_stack([scores, mean])


def _interval(averages: Array, songs: int) -> Interval | None:
    """Where the middle of the resampled averages (resample) lies; those that are undefined are left out."""
    if songs < 2:
        return None
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.nanquantile(averages, [tail, 1 - tail])
    return float(lower), float(upper)


def _count(values: Array) -> int:
    """How many are numbers."""
    return int((~np.isnan(values)).sum())
