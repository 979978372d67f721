"""Scores of tracks and their averages, without undefined scores.

Averages are over seconds, then over tracks, then over stems.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bsroformer.errors import InputError
from bsroformer.metrics import METRICS, framewise_metrics, metric_named, track_metrics

MEAN = "mean"
"""Row of tables with the mean over stems."""

Scores = dict[str, dict[str, float]]
"""Stem -> metric -> dB; NaN where undefined, as for a silent stem."""


@dataclass(frozen=True)
class TrackScores:
    """Scores of the estimates of one track.

    Attributes:
        song: Name of the track.
        seconds: Length of the track.
        whole: Stem -> metric of whole tracks -> dB; NaN where undefined.
        frames: Stem -> ``SDR``, and with BSS Eval ``SIR``, ``SAR``, ``ISR`` -> dB of each second; NaN where undefined.
    """

    song: str
    seconds: float
    whole: Scores
    frames: Mapping[str, Mapping[str, tuple[float, ...]]]

    def score(self, stem: str, metric: str) -> float:
        """Return one score in dB; NaN where undefined.

        Raises:
            InputError: If the metric is unknown, or was not computed for this track.
        """
        framewise = metric_named(metric).frames is not None
        values = self._medians[stem] if framewise else self.whole[stem]
        if metric not in values:
            raise InputError(f"the scores of {self.song} lack {metric}; evaluate it again with metrics=[{metric}]")
        return values[metric]

    def scores(self, metrics: Sequence[str]) -> Scores:
        """Return some metrics of every stem."""
        return {stem: {metric: self.score(stem, metric) for metric in metrics} for stem in self.whole}

    def has(self, metrics: Iterable[str]) -> bool:
        """Check that metrics were computed for every stem."""
        wanted = set(metrics)
        return all(wanted <= self.whole[stem].keys() | self._medians[stem].keys() for stem in self.whole)

    @cached_property
    def _medians(self) -> Scores:
        """Framewise metrics; tables, plots and files use them repeatedly."""
        medians: Scores = {}
        for stem, frames in self.frames.items():
            medians[stem] = {}
            for metric in framewise_metrics():
                if metric.frames and metric.frames in frames:
                    medians[stem][metric.name] = median(frames[metric.frames])
        return medians

    @property
    def silent(self) -> tuple[str, ...]:
        """Stems that are silent throughout, and have no score."""
        return tuple(stem for stem, values in self.whole.items() if all(map(math.isnan, values.values())))

    @property
    def seconds_scored(self) -> int:
        """Number of frames of a second."""
        return max((len(frames["SDR"]) for frames in self.frames.values()), default=0)

    @cached_property
    def seconds_undefined(self) -> int:
        """Number of frames without a score for any stem, since one is silent in them."""
        stems = [frames["SDR"] for frames in self.frames.values()]
        return sum(all(map(math.isnan, second)) for second in zip(*stems, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain data for JSON, to the last digit.

        An undefined score is ``None``.
        """
        whole = {}
        for stem, values in self.whole.items():
            whole[stem] = {name: or_none(db) for name, db in values.items()}
        frames = {}
        for stem, seconds in self.frames.items():
            frames[stem] = {name: list(map(or_none, values)) for name, values in seconds.items()}
        return {"song": self.song, "seconds": self.seconds, "whole": whole, "frames": frames}

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> "TrackScores":
        """Rebuild scores from the data of `to_dict`.

        Raises:
            ValueError: If a value is missing, has another type, or contradicts another one.
        """
        checked = _Tree.model_validate(tree)
        whole = {}
        for stem, values in checked.whole.items():
            whole[stem] = {name: or_nan(db) for name, db in values.items()}
        frames = {}
        for stem, seconds in checked.frames.items():
            frames[stem] = {name: tuple(map(or_nan, values)) for name, values in seconds.items()}
        return cls(checked.song, checked.seconds, whole, frames)


class _Tree(BaseModel):
    """Scores of a track in a file of the score cache."""

    model_config = ConfigDict(strict=True)

    song: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    whole: dict[str, dict[str, float | None]]
    frames: dict[str, dict[str, list[float | None]]]

    @model_validator(mode="after")
    def _check_stems(self) -> "_Tree":
        if not self.whole or self.whole.keys() != self.frames.keys():
            raise ValueError("whole and frames must have the same stems")
        return self

    @model_validator(mode="after")
    def _check_metrics(self) -> "_Tree":
        expected = {metric.name for metric in track_metrics()}
        known = {metric.frames for metric in framewise_metrics()}
        if any(values.keys() != expected for values in self.whole.values()):
            raise ValueError(f"every stem must have {', '.join(sorted(expected))}")
        if any("SDR" not in frames or frames.keys() - known for frames in self.frames.values()):
            raise ValueError("every stem must have frames of SDR, and of no unknown metric")
        return self

    @model_validator(mode="after")
    def _check_lengths(self) -> "_Tree":
        lengths = {len(values) for frames in self.frames.values() for values in frames.values()}
        if len(lengths) > 1:
            raise ValueError("all stems must have as many frames")
        return self


@dataclass(frozen=True)
class Evaluation:
    """Scores of all tracks by one method, and their averages.

    Attributes:
        method: Name of the method.
        kind: ``model``, ``estimates``, ``mixture`` (the floor) or ``oracle`` (a ceiling).
        stems: Names of the stems, in the order of tables.
        metrics: Names of the metrics, in the order of tables.
        songs: Scores of each track.
    """

    method: str
    kind: str
    stems: tuple[str, ...]
    metrics: tuple[str, ...]
    songs: tuple[TrackScores, ...]

    @cached_property
    def scores(self) -> Scores:
        """Averages of each stem over all tracks."""
        scores: Scores = {}
        for stem in self.stems:
            scores[stem] = {}
            for metric in self.metrics:
                scores[stem][metric] = average(metric, self._of_tracks(stem, metric))
        return scores

    @cached_property
    def averages(self) -> Scores:
        """`scores`, and last :data:`MEAN`."""
        return with_mean(self.scores)

    @property
    def undefined(self) -> dict[str, dict[str, int]]:
        """Number of tracks with an undefined score: stem -> metric -> tracks."""
        undefined: dict[str, dict[str, int]] = {}
        for stem in self.stems:
            undefined[stem] = {}
            for metric in self.metrics:
                undefined[stem][metric] = sum(map(math.isnan, self._of_tracks(stem, metric)))
        return undefined

    def _of_tracks(self, stem: str, metric: str) -> list[float]:
        return [track.score(stem, metric) for track in self.songs]


def with_mean(scores: Scores) -> Scores:
    """Append :data:`MEAN` to the scores of stems."""
    return {**scores, MEAN: mean_over_stems(scores)}


def mean_over_stems(scores: Scores) -> dict[str, float]:
    """Average over the stems that have a score: metric -> dB; NaN if none has."""
    metrics = next(iter(scores.values()))
    return {metric: mean(values[metric] for values in scores.values()) for metric in metrics}


def average(metric: str, values: Iterable[float]) -> float:
    """Average one stem over tracks, as is the custom of the metric."""
    by_median = METRICS[metric].average == "median"
    return median(values) if by_median else mean(values)


def median(values: Iterable[float]) -> float:
    """Compute the median of defined values; NaN without any.

    That of an even number is the mean of the middle two.
    """
    numbers = defined(values)
    return statistics.median(numbers) if numbers else math.nan


def mean(values: Iterable[float]) -> float:
    """Compute the mean of defined values; NaN without any."""
    numbers = defined(values)
    return statistics.fmean(numbers) if numbers else math.nan


def defined(values: Iterable[float]) -> list[float]:
    """Drop NaN."""
    return [value for value in values if not math.isnan(value)]


def or_none(value: float) -> float | None:
    """Replace NaN by None, for JSON."""
    return None if math.isnan(value) else value


def or_nan(value: float | None) -> float:
    """Replace None by NaN, the inverse of `or_none`."""
    return math.nan if value is None else value
