"""How well a checkpoint separates, as far as its run has found out."""

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

METRICS = ("SI-SDR", "cSDR", "uSDR")
"""Those to show, the first that there is."""
VALIDATED = "validation "
"""What the name of a score begins with that a training computed on its validation songs."""


@dataclass(frozen=True)
class KnownScores:
    """Scores in dB.

    Attributes:
        metric: What they are of; None if nothing is known.
        mean: Over the stems.
        stems: By stem, where that is known.
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
    """What is needed of an evaluation's ``results.json``."""

    methods: list[_Method]
    made: _Made


def known_scores(checkpoint: Checkpoint) -> KnownScores:
    """The scores on test songs from the checkpoint's run; else its validation's; else none."""
    path = checkpoint.file.path
    for name, method in _scored(path.parent):
        if name == path.name and (known := _known(method)):
            return known
    return _validation_score(checkpoint) or KnownScores()


def evaluated(folder: Path) -> list[str]:
    """Names of the files in a run's folder of checkpoints that were scored on test songs."""
    return [name for name, _ in _scored(folder)]


def _scored(folder: Path) -> Iterator[tuple[str, _Method]]:
    """What the evaluation of a run found, by the file of each model in the run's folder of checkpoints."""
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


def _known(method: _Method) -> KnownScores | None:
    for metric in METRICS:
        found = {row: db for row, of in method.scores.items() if (db := of.get(metric)) is not None}
        scores = {row: db for row, db in found.items() if math.isfinite(db)}
        if MEAN in scores:
            return KnownScores(metric, scores.pop(MEAN), scores)
    return None


def _validation_score(checkpoint: Checkpoint) -> KnownScores | None:
    """Score that Lightning's `ModelCheckpoint` notes in the file that it keeps as the best; None without one in dB."""
    callbacks = checkpoint.file.entries.get("callbacks")
    states = callbacks.values() if isinstance(callbacks, dict) else ()
    for state in states:
        monitor = Monitor(str(state.get("monitor"))) if isinstance(state, dict) else None
        if monitor is None or not monitor.name.startswith(monitor.metric):
            continue
        with suppress(KeyError, TypeError, ValueError, RuntimeError):  # a stranger's
            score = float(state["best_model_score"])
            if Path(state["best_model_path"]).name == checkpoint.file.path.name and math.isfinite(score):
                return KnownScores(f"{VALIDATED}{monitor.label}", score)
    return None
