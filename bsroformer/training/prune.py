"""An early end for the runs of a sweep that lag behind the others."""

from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L

from bsroformer.report.rows import SCORE, read_rows
from bsroformer.training.result import FILE, read_result, update_result

CURVES = "metrics.csv"
"""What `Curves` writes into the folder of a run."""


class MedianPruner(L.Callback):
    """Ends a run whose best score so far is below the median of its finished siblings' at that step.

    The median rule of Google Vizier (Golovin et al., KDD 2017, section 3.2.1). Siblings are the other runs in the same
    sweep's folder; their curves are read from their folders, so that it does not matter in which process, on which
    machine or by which sweeper they ran. Only those that were trained to their end count, as those that were pruned
    would lower the median. A run that is no part of a sweep has no siblings and is never ended.

    Args:
        folder: The run's folder.
        warmup_steps: No run ends before so many optimiser steps.
        warmup_runs: Nor while so few siblings have finished that got as far.
    """

    def __init__(self, folder: str, warmup_steps: int, warmup_runs: int) -> None:
        self.folder, self.warmup_steps, self.warmup_runs = Path(folder), warmup_steps, max(1, warmup_runs)
        self.best = -inf

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare, and ask for an end."""
        if trainer.sanity_checking or SCORE not in trainer.callback_metrics:
            return
        self.best = max(self.best, trainer.callback_metrics[SCORE].item())  # which a NaN leaves as it was
        step = trainer.global_step
        if step >= self.warmup_steps and lags(self.best, self.siblings_until(step), self.warmup_runs):
            trainer.should_stop = True
            update_result(self.folder, status="pruned")

    def state_dict(self) -> dict[str, Any]:
        """The best score, for a run that is resumed."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.best = state_dict["best"]

    def siblings_until(self, step: int) -> list[float]:
        """The best scores, up to a step, of the finished siblings that got as far."""
        bests = (best_until(folder, step) for folder in finished(self.folder.parent) if folder != self.folder)
        return [best for best in bests if best is not None]


def lags(best: float, others: Sequence[float], least: int) -> bool:
    """Whether a score is below the median of the others', if there are enough of them."""
    return len(others) >= least and best < median(others)


def finished(sweep: Path) -> Iterable[Path]:
    """Folders of the runs of a sweep that were trained to their end."""
    results = ((path.parent, read_result(path.parent)) for path in sorted(sweep.glob(f"*/{FILE}")))
    return (folder for folder, result in results if result is not None and result.status == "done")


def best_until(folder: Path, step: int) -> float | None:
    """A run's best score up to a step, from its curves; None if it had none by then, or did not get as far."""
    if not (folder / CURVES).is_file():
        return None
    scores = {at: row[SCORE] for at, row in read_rows(folder / CURVES).items() if SCORE in row}
    reached = max(scores, default=-1) >= step
    return max((score for at, score in scores.items() if at <= step), default=None) if reached else None
