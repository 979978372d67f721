"""Methods side by side: averages, how far to trust them, differences, and what was left out."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from bsroformer.evaluation.bootstrap import Differences, Intervals, differences, intervals
from bsroformer.evaluation.scores import MEAN, Evaluation, TrackScores, with_mean

EVALUATED = ("model", "estimates")
"""Kinds of methods that are compared with each other; the others are the floor and ceilings."""
DIGITS = 4
"""Of decibels and seconds in ``results.json``."""


@dataclass(frozen=True)
class Failure:
    """A song that could not be scored.

    Attributes:
        song: Its name.
        method: Whose estimates could not be had; None where the song itself cannot be read.
        reason: A sentence.
    """

    song: str
    method: str | None
    reason: str


@dataclass(frozen=True)
class Results:
    """Methods side by side on the same songs.

    Attributes:
        evaluations: The mixture first, then what is evaluated, then oracles.
        failures: Songs that could not be scored.
        split: Which songs of the data set they are.
        made: How they were made: versions, checkpoints and settings, as plain data.
    """

    evaluations: tuple[Evaluation, ...]
    failures: tuple[Failure, ...] = ()
    split: str = "test"
    made: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, method: str) -> Evaluation:
        """The scores of a method."""
        return next(evaluation for evaluation in self.evaluations if evaluation.method == method)

    @property
    def evaluated(self) -> tuple[Evaluation, ...]:
        """The methods that are compared with each other."""
        return tuple(evaluation for evaluation in self.evaluations if evaluation.kind in EVALUATED)

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the order of tables."""
        return max((evaluation.stems for evaluation in self.evaluations), key=len, default=())

    @property
    def rows(self) -> tuple[str, ...]:
        """The stems and, of several, their mean."""
        return (*self.stems, MEAN) if len(self.stems) > 1 else self.stems

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, in the order of tables; a method may have fewer of them."""
        return max((evaluation.metrics for evaluation in self.evaluations), key=len, default=())

    @property
    def songs(self) -> tuple[str, ...]:
        """Names of the songs that any method has scores of."""
        return tuple(dict.fromkeys(song.song for evaluation in self.evaluations for song in evaluation.songs))

    @cached_property
    def intervals(self) -> dict[str, Intervals]:
        """Method -> the confidence intervals of its averages."""
        return {evaluation.method: intervals(evaluation) for evaluation in self.evaluations}

    @cached_property
    def differences(self) -> tuple[Differences, ...]:
        """Each pair of evaluated methods, the later one minus the earlier."""
        return tuple(differences(later, earlier) for earlier, later in combinations(self.evaluated, 2))

    def to_dict(self) -> dict[str, Any]:
        """What ``results.json`` holds: plain data, ``None`` where undefined."""
        tree = {
            "stems": self.stems,
            "metrics": self.metrics,
            "split": self.split,
            "songs": len(self.songs),
            "methods": [self._method(evaluation) for evaluation in self.evaluations],
            "differences": [asdict(pair) for pair in self.differences],
            "undefined_seconds": [
                {
                    "song": song.song,
                    "method": evaluation.method,
                    "seconds": song.seconds_scored,
                    "undefined": song.seconds_undefined,
                }
                for evaluation in self.evaluations
                for song in evaluation.songs
                if song.seconds_undefined
            ],
            "failures": [asdict(failure) for failure in self.failures],
        }
        return {**_plain(tree), "made": dict(self.made)}

    def _method(self, evaluation: Evaluation) -> dict[str, Any]:
        return {
            "name": evaluation.method,
            "kind": evaluation.kind,
            "scores": evaluation.averages,
            "intervals": self.intervals[evaluation.method],
            "undefined": evaluation.undefined,
            "seconds": sum(song.seconds_scored for song in evaluation.songs),
            "seconds_undefined": sum(song.seconds_undefined for song in evaluation.songs),
            "songs": [_song(song, evaluation) for song in evaluation.songs],
        }


def _song(song: TrackScores, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "song": song.song,
        "seconds": song.seconds,
        "scores": with_mean(song.scores(evaluation.metrics)),
        "seconds_scored": song.seconds_scored,
        "seconds_undefined": song.seconds_undefined,
    }


def _plain(tree: Any) -> Any:
    """The same with rounded numbers, lists for tuples and None for NaN."""
    if isinstance(tree, Mapping):
        return {key: _plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_plain(value) for value in tree]
    if isinstance(tree, float):
        return None if math.isnan(tree) else round(tree, DIGITS)
    return tree
