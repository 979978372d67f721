"""Results of methods on the same tracks, with intervals and differences."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from bsroformer.evaluation.bootstrap import Differences, Intervals, differences, intervals
from bsroformer.evaluation.scores import MEAN, Evaluation, TrackScores, with_mean

EVALUATED = ("model", "estimates")
"""Kinds of methods to compare with each other; the others are the floor and ceilings."""
DIGITS = 4
"""Decimals of decibels and seconds in ``results.json`` and ``results.csv``."""


@dataclass(frozen=True)
class Failure:
    """A track that could not be scored.

    Attributes:
        song: Name of the track.
        method: Name of the method without estimates; None if the track itself cannot be read.
        reason: A sentence.
    """

    song: str
    method: str | None
    reason: str


@dataclass(frozen=True)
class Results:
    """Scores of several methods on the same tracks.

    Attributes:
        evaluations: Scores of the mixture, then of the compared methods, then of oracles.
        failures: Tracks that could not be scored.
        split: Split of the data set.
        made: Provenance: versions, checkpoints and settings, as plain data.
    """

    evaluations: tuple[Evaluation, ...]
    failures: tuple[Failure, ...] = ()
    split: str = "test"
    made: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, method: str) -> Evaluation:
        """Return the scores of a method."""
        by_name = {evaluation.method: evaluation for evaluation in self.evaluations}
        return by_name[method]

    @property
    def evaluated(self) -> tuple[Evaluation, ...]:
        """Scores of the methods that are compared with each other."""
        return tuple(evaluation for evaluation in self.evaluations if evaluation.kind in EVALUATED)

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the order of tables."""
        return max((evaluation.stems for evaluation in self.evaluations), key=len, default=())

    @property
    def rows(self) -> tuple[str, ...]:
        """Rows of tables: the stems and, of several, their mean."""
        return (*self.stems, MEAN) if len(self.stems) > 1 else self.stems

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, in the order of tables; a method may have fewer."""
        return max((evaluation.metrics for evaluation in self.evaluations), key=len, default=())

    @property
    def songs(self) -> tuple[str, ...]:
        """Names of the tracks with scores of any method."""
        return tuple(dict.fromkeys(song.song for evaluation in self.evaluations for song in evaluation.songs))

    @cached_property
    def intervals(self) -> dict[str, Intervals]:
        """Confidence intervals of the averages, by method."""
        return {evaluation.method: intervals(evaluation) for evaluation in self.evaluations}

    @cached_property
    def differences(self) -> tuple[Differences, ...]:
        """Differences of each pair of compared methods, the later one minus the earlier."""
        return tuple(differences(later, earlier) for earlier, later in combinations(self.evaluated, 2))

    def to_dict(self) -> dict[str, Any]:
        """Convert to the data of ``results.json``: rounded, ``None`` where undefined."""
        return {**_plain(self.tree()), "made": dict(self.made)}

    def tree(self) -> dict[str, Any]:
        """Build the same tree without rounding, for tables."""
        return {
            "stems": self.stems,
            "metrics": self.metrics,
            "split": self.split,
            "songs": len(self.songs),
            "methods": [self._method(evaluation) for evaluation in self.evaluations],
            "differences": [asdict(pair) for pair in self.differences],
            "undefined_seconds": list(self._undefined_seconds()),
            "failures": [asdict(failure) for failure in self.failures],
        }

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

    def _undefined_seconds(self) -> Iterator[dict[str, Any]]:
        for evaluation in self.evaluations:
            for song in evaluation.songs:
                if song.seconds_undefined:
                    yield {
                        "song": song.song,
                        "method": evaluation.method,
                        "seconds": song.seconds_scored,
                        "undefined": song.seconds_undefined,
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
    """Round numbers, and convert tuples to lists and NaN to None."""
    if isinstance(tree, Mapping):
        return {key: _plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_plain(value) for value in tree]
    if isinstance(tree, float):
        return None if math.isnan(tree) else round(tree, DIGITS)
    return tree
