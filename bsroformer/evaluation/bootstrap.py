"""Confidence intervals of averages over tracks and of their differences.

Other tracks would have given other averages. The percentile bootstrap (Efron & Tibshirani, An Introduction to the
Bootstrap, 1993, ch. 13) draws as many tracks as there are, with replacement, many times, averages each draw as the
table does, and takes the range of the middle 95 % of those averages. A draw is the same for all stems and for both
methods of a difference: tracks that are hard for one are hard for the other, and their common part cancels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bsroformer.evaluation.scores import MEAN, Evaluation, TrackScores
from bsroformer.metrics import METRICS

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 0

Array = NDArray[np.float64]
Interval = tuple[float, float]
Intervals = dict[str, dict[str, Interval | None]]
"""Stem or :data:`MEAN` -> metric -> lower and upper end in dB; None with fewer than two scores."""


@dataclass(frozen=True)
class Difference:
    """The difference of two averages.

    Attributes:
        difference: dB; NaN if no track has both scores.
        interval: Confidence interval; None with fewer than two such tracks.
        better: Number of tracks that are better.
        songs: Number of tracks with both scores.
    """

    difference: float
    interval: Interval | None
    better: int
    songs: int


@dataclass(frozen=True)
class Differences:
    """Differences of one method and another over the tracks that both scored.

    Attributes:
        method: Name of the method.
        minus: Name of the method to subtract.
        songs: Number of tracks that both scored.
        scores: Stem or :data:`MEAN` -> metric -> difference of the averages.
    """

    method: str
    minus: str
    songs: int
    scores: dict[str, dict[str, Difference]]


def intervals(evaluation: Evaluation) -> Intervals:
    """Compute the confidence intervals of a method's averages."""
    copies = resamples(len(evaluation.songs))
    rows = (*evaluation.stems, MEAN)
    result: Intervals = {row: {} for row in rows}
    for metric in evaluation.metrics:
        scores = _table(evaluation.songs, evaluation.stems, metric)  # song stem
        averages = _with_mean(averages_of_copies(metric, scores, copies))  # resample row
        values = _with_mean(scores)  # song row
        for n, row in enumerate(rows):
            result[row][metric] = _interval(averages[:, n], _count(values[:, n]))
    return result


def differences(method: Evaluation, minus: Evaluation) -> Differences:
    """Compare two methods over the tracks that both scored.

    Each stem is compared over the tracks with both its scores.
    """
    others = {song.song: song for song in minus.songs}
    songs = [song for song in method.songs if song.song in others]
    other_songs = [others[song.song] for song in songs]
    stems = [stem for stem in method.stems if stem in minus.stems]
    rows = (*stems, MEAN)
    scores: dict[str, dict[str, Difference]] = {row: {} for row in rows}
    for metric in method.metrics:
        if metric in minus.metrics:
            by_row = _difference_by_row(metric, _table(songs, stems, metric), _table(other_songs, stems, metric))
            for row, difference in zip(rows, by_row, strict=True):
                scores[row][metric] = difference
    return Differences(method.method, minus.method, len(songs), scores)


def _difference_by_row(metric: str, one: Array, other: Array) -> list[Difference]:
    """Compare the scores (song stem) of two methods, by stem and for the mean."""
    is_defined = np.isfinite(one - other)
    one = np.where(is_defined, one, np.nan)
    other = np.where(is_defined, other, np.nan)
    by_song = _with_mean(one) - _with_mean(other)  # song row
    gains = by_song if METRICS[metric].higher_is_better else -by_song
    resampled = _difference_of_averages(metric, one, other, resamples(len(one)))  # resample row
    observed = _difference_of_averages(metric, one, other, np.ones((1, len(one))))  # 1 row
    differences = []
    for n in range(by_song.shape[1]):
        songs = _count(by_song[:, n])
        better = int((gains[:, n] > 0).sum())
        differences.append(Difference(float(observed[0, n]), _interval(resampled[:, n], songs), better, songs))
    return differences


def _difference_of_averages(metric: str, one: Array, other: Array, copies: Array) -> Array:
    """Subtract averages with some copies of each song: (resample row)."""
    return _with_mean(averages_of_copies(metric, one, copies)) - _with_mean(averages_of_copies(metric, other, copies))


@lru_cache(maxsize=4)
def resamples(songs: int) -> Array:
    """Draw the number of copies of each song in each resample, (resample song).

    The result is the same for equal numbers of songs.
    """
    if not songs:
        return np.empty((RESAMPLES, 0))
    drawn = np.random.default_rng(SEED).integers(songs, size=(RESAMPLES, songs))
    offsets = songs * np.arange(RESAMPLES)[:, None]
    counts = np.bincount((drawn + offsets).ravel(), minlength=RESAMPLES * songs)
    copies = counts.reshape(RESAMPLES, songs).astype(np.float64)
    copies.setflags(write=False)  # cached for the next call
    return copies


def averages_of_copies(metric: str, scores: Array, copies: Array) -> Array:
    """Average each stem over songs as `scores.average`, with copies of each song.

    Args:
        metric: Name of the metric.
        scores: dB, (song stem); NaN where undefined.
        copies: Number of copies of each song, (resample song).

    Returns:
        dB, (resample stem); NaN where a resample has no song with a score.
    """
    average = _median if METRICS[metric].average == "median" else _mean
    averages = []
    for stem in scores.T:
        is_defined = ~np.isnan(stem)
        averages.append(average(stem[is_defined], copies[:, is_defined]))
    return np.stack(averages, axis=1)


def _mean(values: Array, copies: Array) -> Array:
    """Compute means of values (song) with copies (resample song): (resample)."""
    totals = copies.sum(axis=1)
    return np.divide(copies @ values, totals, out=np.full(len(copies), np.nan), where=totals > 0)


def _median(values: Array, copies: Array) -> Array:
    """Compute medians of values (song) with copies (resample song): (resample).

    The median of an even number is the mean of the middle two.
    """
    if not len(values):
        return np.full(len(copies), np.nan)
    order = np.argsort(values)
    counted = copies[:, order].cumsum(axis=1)  # up to and with each value
    totals = counted[:, -1:]
    middle = ((totals - 1) // 2, totals // 2)
    lower, upper = (np.minimum((counted <= rank).sum(axis=1), len(values) - 1) for rank in middle)
    medians = (values[order[lower]] + values[order[upper]]) / 2
    return np.where(totals[:, 0] > 0, medians, np.nan)


def _table(songs: Sequence[TrackScores], stems: Sequence[str], metric: str) -> Array:
    """Collect one metric of all songs, (song stem)."""
    scores = [song.score(stem, metric) for song in songs for stem in stems]
    return np.array(scores).reshape(len(songs), len(stems))


def _with_mean(scores: Array) -> Array:
    """Append the mean over the stems that have a score: (... stem) -> (... row)."""
    is_defined = ~np.isnan(scores)
    count = is_defined.sum(axis=1)
    total = np.where(is_defined, scores, 0.0).sum(axis=1)
    mean = np.divide(total, count, out=np.full(len(scores), np.nan), where=count > 0)
    return np.column_stack([scores, mean])


def _interval(averages: Array, songs: int) -> Interval | None:
    """Return the middle range of the defined resampled averages, (resample)."""
    if songs < 2:
        return None
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.nanquantile(averages, [tail, 1 - tail])
    return float(lower), float(upper)


def _count(values: Array) -> int:
    """Count defined values."""
    return int((~np.isnan(values)).sum())
