"""Scores of a checkpoint, from its run's evaluation or validation."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bsroformer.checkpoints import Checkpoint
from bsroformer.evaluation.scores import MEAN
from bsroformer.report.monitor import Monitor
from bsroformer.run_folder import CHECKPOINTS, RunFolder

SHOWN_METRICS = ("SI-SDR", "cSDR", "uSDR")
"""Metrics that may be shown, the preferred one first."""
VALIDATED = "validation "
"""Prefix of metrics that were computed on validation songs during a training."""


@dataclass(frozen=True)
class KnownScores:
    """Scores of a checkpoint, in dB.

    Attributes:
        metric: The metric; None if no scores are known.
        mean: Mean over the stems.
        stems: Score of each stem, if known.
    """

    metric: str | None = None
    mean: float | None = None
    stems: Mapping[str, float] = field(default_factory=dict)


class _Method(BaseModel):
    name: str
    kind: str
    scores: dict[str, dict[str, float | None]]


class _Made(BaseModel):
    methods: dict[str, dict[str, Any]]


class _Results(BaseModel):
    """The part of an evaluation's ``results.json`` that is read here."""

    methods: list[_Method]
    made: _Made


def known_scores(checkpoint: Checkpoint) -> KnownScores:
    """Return a checkpoint's scores on test songs, else on validation songs, else none."""
    path = checkpoint.file.path
    for name, method in _evaluated_methods(path.parent):
        known = _scores_of(method) if name == path.name else None
        if known is not None:
            return known
    return _validation_score(checkpoint) or KnownScores()


def evaluated_files(folder: Path) -> list[str]:
    """List the checkpoints of a run that were evaluated on test songs."""
    return [name for name, _ in _evaluated_methods(folder)]


def _evaluated_methods(folder: Path) -> Iterator[tuple[str, _Method]]:
    """File name and results of each model of a run's evaluation."""
    if folder.absolute().name != CHECKPOINTS:
        return
    run = RunFolder.of(folder.absolute())
    try:
        results = _Results.model_validate_json((run.evaluation / "results.json").read_bytes())
    except (OSError, ValidationError):
        return
    for method in results.methods:
        checkpoint = results.made.methods.get(method.name, {}).get("checkpoint")
        if method.kind == "model" and isinstance(checkpoint, str):
            yield Path(checkpoint).name, method


def _scores_of(method: _Method) -> KnownScores | None:
    for metric in SHOWN_METRICS:
        scores: dict[str, float] = {}
        for row, by_metric in method.scores.items():
            score = by_metric.get(metric)
            if score is not None and math.isfinite(score):
                scores[row] = score
        if MEAN in scores:
            return KnownScores(metric, scores.pop(MEAN), scores)
    return None


def _validation_score(checkpoint: Checkpoint) -> KnownScores | None:
    """Read the score in dB that Lightning's `ModelCheckpoint` stores, if any."""
    callbacks = checkpoint.file.entries.get("callbacks")
    states = callbacks.values() if isinstance(callbacks, dict) else ()
    for state in states:
        monitor = Monitor(str(state.get("monitor"))) if isinstance(state, dict) else None
        if monitor is None or not monitor.name.startswith(monitor.metric):
            continue
        with suppress(KeyError, TypeError, ValueError, RuntimeError):  # the file may come from anyone
            score = float(state["best_model_score"])
            best = Path(state["best_model_path"]).name
            if best == checkpoint.file.path.name and math.isfinite(score):
                return KnownScores(f"{VALIDATED}{monitor.label}", score)
    return None
