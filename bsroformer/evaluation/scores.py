"""The scores of songs and their averages: over seconds, over songs, then over stems, leaving out what is undefined."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

WHOLE = ("uSDR", "SI-SDR", "SI-SDRi")
"""Metrics of a whole song; averaged over songs by their mean."""
FRAMEWISE = {"cSDR": "SDR", "SIR": "SIR", "SAR": "SAR", "ISR": "ISR"}
"""Metrics of BSS Eval v4, and what museval calls the values of a second that they are the median of; averaged over
songs by their median, as in SiSEC 2018."""
METRICS = ("cSDR", "uSDR", "SI-SDR")
"""Those to report unless others are asked for."""
BSS_EVAL = ("cSDR", "SIR", "SAR", "ISR")
"""What ``bss_eval`` stands for in a list of metrics."""

MEAN = "mean"
"""The row of tables that has the mean over stems."""

Scores = dict[str, dict[str, float]]
"""Stem -> metric -> dB; NaN where undefined, as when the stem is silent."""


@dataclass(frozen=True)
class TrackScores:
    """What the estimates of one song scored.

    Attributes:
        song: Name of the song.
        seconds: Its length.
        whole: Stem -> :data:`WHOLE` metric -> dB; NaN where undefined.
        frames: Stem -> ``SDR``, and with BSS Eval ``SIR``, ``SAR``, ``ISR`` -> dB of each second; NaN where undefined.
    """

    song: str
    seconds: float
    whole: Scores
    frames: Mapping[str, Mapping[str, tuple[float, ...]]]

    def score(self, stem: str, metric: str) -> float:
        """One score in dB; NaN where undefined."""
        return self.whole[stem][metric] if metric in WHOLE else self._medians[stem][metric]

    def scores(self, metrics: Sequence[str]) -> Scores:
        """Some metrics of every stem."""
        return {stem: {metric: self.score(stem, metric) for metric in metrics} for stem in self.whole}

    @cached_property
    def _medians(self) -> Scores:
        """The :data:`FRAMEWISE` metrics, found once, since tables, plots and files all ask for them."""
        return {
            stem: {metric: median(of[name]) for metric, name in FRAMEWISE.items() if name in of}
            for stem, of in self.frames.items()
        }

    @property
    def silent(self) -> tuple[str, ...]:
        """The stems that are silent throughout: no metric has a score for them."""
        return tuple(stem for stem, of in self.whole.items() if all(map(math.isnan, of.values())))

    @property
    def seconds_scored(self) -> int:
        """How many frames of a second there are."""
        return max((len(frames["SDR"]) for frames in self.frames.values()), default=0)

    @cached_property
    def seconds_undefined(self) -> int:
        """How many of them have no score for any stem, since one is silent in them."""
        return sum(
            all(map(math.isnan, second)) for second in zip(*(of["SDR"] for of in self.frames.values()), strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, to the last digit; ``None`` for an undefined score."""
        return {
            "song": self.song,
            "seconds": self.seconds,
            "whole": {stem: {name: or_none(db) for name, db in of.items()} for stem, of in self.whole.items()},
            "frames": {
                stem: {name: [or_none(db) for db in frames] for name, frames in of.items()}
                for stem, of in self.frames.items()
            },
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> "TrackScores":
        """Rebuild what `to_dict` gave.

        Raises:
            ValueError: If something is missing, of another type, or does not fit the rest.
        """
        checked = _Tree.model_validate(tree)
        return cls(
            checked.song,
            checked.seconds,
            {stem: {name: or_nan(db) for name, db in of.items()} for stem, of in checked.whole.items()},
            {
                stem: {name: tuple(or_nan(db) for db in frames) for name, frames in of.items()}
                for stem, of in checked.frames.items()
            },
        )


class _Tree(BaseModel):
    """The scores of a song as they are kept on the disk."""

    model_config = ConfigDict(strict=True)

    song: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    whole: dict[str, dict[str, float | None]]
    frames: dict[str, dict[str, list[float | None]]]

    @model_validator(mode="after")
    def _check_fit(self) -> "_Tree":
        if not self.whole or self.whole.keys() != self.frames.keys():
            raise ValueError("whole and frames must be of the same stems")
        if any(of.keys() != set(WHOLE) for of in self.whole.values()):
            raise ValueError(f"every stem must have {', '.join(WHOLE)}")
        if any(of.keys() - FRAMEWISE.values() or "SDR" not in of for of in self.frames.values()):
            raise ValueError("every stem must have frames of SDR, and of no unknown metric")
        if len({len(frames) for of in self.frames.values() for frames in of.values()}) > 1:
            raise ValueError("all stems must have as many frames")
        return self


@dataclass(frozen=True)
class Evaluation:
    """The scores of all songs under one method, and their averages.

    Attributes:
        method: Its name.
        kind: ``model``, ``estimates``, ``mixture`` (the floor) or ``oracle`` (a ceiling).
        stems: Names of the stems, in the order of tables.
        metrics: Names of the metrics, in the order of tables.
        songs: Scores of each song.
    """

    method: str
    kind: str
    stems: tuple[str, ...]
    metrics: tuple[str, ...]
    songs: tuple[TrackScores, ...]

    @cached_property
    def scores(self) -> Scores:
        """Each stem's scores over all songs."""
        return {
            stem: {
                metric: average(metric, (song.score(stem, metric) for song in self.songs)) for metric in self.metrics
            }
            for stem in self.stems
        }

    @cached_property
    def averages(self) -> Scores:
        """`scores`, and last :data:`MEAN`."""
        return with_mean(self.scores)

    @property
    def undefined(self) -> dict[str, dict[str, int]]:
        """In how many songs a stem's score is undefined, and so left out of the average: stem -> metric -> songs."""
        return {
            stem: {metric: sum(math.isnan(song.score(stem, metric)) for song in self.songs) for metric in self.metrics}
            for stem in self.stems
        }


def with_mean(scores: Scores) -> Scores:
    """The scores of stems, and last :data:`MEAN`."""
    return {**scores, MEAN: mean_over_stems(scores)}


def mean_over_stems(scores: Scores) -> dict[str, float]:
    """The mean over the stems that have a score: metric -> dB; NaN if none has."""
    metrics = next(iter(scores.values()))
    return {metric: mean(stem[metric] for stem in scores.values()) for metric in metrics}


def average(metric: str, songs: Iterable[float]) -> float:
    """Average one stem over songs, as is the custom of the metric."""
    return median(songs) if metric in FRAMEWISE else mean(songs)


def median(values: Iterable[float]) -> float:
    """Of those that are defined; of an even number, the mean of the middle two. NaN if none is."""
    found = defined(values)
    return statistics.median(found) if found else math.nan


def mean(values: Iterable[float]) -> float:
    """Of those that are defined; NaN if none is."""
    found = defined(values)
    return statistics.fmean(found) if found else math.nan


def defined(values: Iterable[float]) -> list[float]:
    """Those that are numbers."""
    return [value for value in values if not math.isnan(value)]


def or_none(value: float) -> float | None:
    """NaN as JSON can write it."""
    return None if math.isnan(value) else value


def or_nan(value: float | None) -> float:
    """What `or_none` was given."""
    return math.nan if value is None else value
