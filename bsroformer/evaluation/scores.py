"""The scores of songs and their averages: over songs, then over stems, leaving out what is undefined."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

METRICS = ("SI-SDR", "SI-SDRi", "uSDR", "cSDR")
BSS_METRICS = ("SIR", "SAR", "ISR")
MEDIAN_METRICS = ("cSDR", *BSS_METRICS)
"""The median over the frames of a song and then over songs, as in SiSEC 2018; others are means over songs."""

Scores = dict[str, dict[str, float]]
"""Stem -> metric -> dB; NaN where undefined, as when the stem is silent."""


@dataclass(frozen=True)
class SongScores:
    """The scores of one song.

    Attributes:
        song: Name of the song.
        seconds: Its length.
        scores: dB of the separated stems.
        mixture: dB of the mixture as the estimate of every stem: what doing nothing scores.
        frames: How many frames of a second the song has, for cSDR, SIR, SAR and ISR.
        undefined_frames: How many of these were left out because a stem was silent in them.
    """

    song: str
    seconds: float
    scores: Scores
    mixture: Scores
    frames: int
    undefined_frames: int

    def to_dict(self) -> dict[str, Any]:
        """The song as plain data for JSON; ``None`` for an undefined score."""
        return {
            "song": self.song,
            "seconds": round(self.seconds, 3),
            **_with_baseline(self.scores, self.mixture),
            "frames": self.frames,
            "undefined_frames": self.undefined_frames,
        }


@dataclass(frozen=True)
class Evaluation:
    """The scores of all songs, and their averages.

    Attributes:
        stems: Names of the stems, in the separator's order.
        metrics: Names of the metrics, in the order of the table.
        songs: Scores of each song.
    """

    stems: tuple[str, ...]
    metrics: tuple[str, ...]
    songs: tuple[SongScores, ...]

    @property
    def scores(self) -> Scores:
        """Each stem's scores over all songs: medians of :data:`MEDIAN_METRICS`, means of the others."""
        return self._over_songs([song.scores for song in self.songs])

    @property
    def mixture(self) -> Scores:
        """The same of the mixture as every stem's estimate, which is given no SIR, SAR and ISR."""
        return self._over_songs([song.mixture for song in self.songs])

    @property
    def undefined(self) -> dict[str, dict[str, int]]:
        """In how many songs a stem's score is undefined, and so left out of the average."""
        return {
            stem: {metric: sum(math.isnan(song.scores[stem][metric]) for song in self.songs) for metric in self.metrics}
            for stem in self.stems
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data for JSON; ``None`` for an undefined score."""
        return {
            **_with_baseline(self.scores, self.mixture),
            "undefined": self.undefined,
            "frames": sum(song.frames for song in self.songs),
            "undefined_frames": sum(song.undefined_frames for song in self.songs),
            "songs": [song.to_dict() for song in self.songs],
        }

    def _over_songs(self, songs: Sequence[Scores]) -> Scores:
        return {
            stem: {metric: _average(metric, (song[stem][metric] for song in songs)) for metric in songs[0][stem]}
            for stem in self.stems
        }


def mean_over_stems(scores: Scores) -> dict[str, float]:
    """The mean over the stems that have a score: metric -> dB; NaN if none has."""
    metrics = next(iter(scores.values()))
    return {metric: _mean(_defined(stem[metric] for stem in scores.values())) for metric in metrics}


def _average(metric: str, songs: Iterable[float]) -> float:
    """Average one stem over songs, as is the custom of the metric."""
    defined = _defined(songs)
    if metric in MEDIAN_METRICS:
        return statistics.median(defined) if defined else math.nan
    return _mean(defined)


def _defined(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan


def _with_baseline(scores: Scores, mixture: Scores) -> dict[str, Any]:
    """The form that songs and averages share in a file: stems, their mean, and both of the mixture."""
    return {**_with_mean(scores), "mixture": _with_mean(mixture)}


def _with_mean(scores: Scores) -> dict[str, Any]:
    stems = {stem: _plain(metrics) for stem, metrics in scores.items()}
    return {"stems": stems, "mean": _plain(mean_over_stems(scores))}


def _plain(metrics: dict[str, float]) -> dict[str, float | None]:
    """Round to 0.0001 dB, and write NaN as JSON can."""
    return {metric: None if math.isnan(value) else round(value, 4) for metric, value in metrics.items()}
