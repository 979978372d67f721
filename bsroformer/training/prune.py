"""An early end for the runs of a sweep that lag behind the others."""

from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L

from bsroformer.kinds import CountOrNone
from bsroformer.report.monitor import FORMER, FORMER_MONITOR, Monitor
from bsroformer.report.rows import read_rows
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
        monitor: Name of the score that is compared.
    """

    def __init__(self, folder: str, warmup_steps: CountOrNone, warmup_runs: CountOrNone, monitor: str = FORMER) -> None:
        self.folder, self.warmup_steps, self.warmup_runs = Path(folder), warmup_steps, max(1, warmup_runs)
        self.monitor = Monitor(monitor)
        self.best = -inf  # `Monitor.gain` of the best score

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare, and ask for an end."""
        score = trainer.callback_metrics.get(self.monitor.name)
        if trainer.sanity_checking or score is None:
            return
        self.best = max(self.best, self.monitor.gain(score.item()))
        step = trainer.global_step
        if step >= self.warmup_steps and lags(self.best, self.siblings_until(step), self.warmup_runs):
            trainer.should_stop = True
            update_result(self.folder, status="pruned")

    def state_dict(self) -> dict[str, Any]:
        """The best score and its name, for a run that is resumed."""
        return {"best": self.best, "monitor": self.monitor.name}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave, unless it is of another score."""
        if state_dict.get("monitor", FORMER) == self.monitor.name:
            self.best = state_dict["best"]

    def siblings_until(self, step: int) -> list[float]:
        """`Monitor.gain` of the best scores, up to a step, of the finished siblings that got as far."""
        siblings = (folder for folder in finished(self.folder.parent) if folder != self.folder)
        bests = (best_until(folder, step, self.monitor) for folder in siblings)
        return [best for best in bests if best is not None]


def lags(best: float, others: Sequence[float], least: int) -> bool:
    """Whether a score is below the median of the others', if there are enough of them."""
    return len(others) >= least and best < median(others)


def finished(sweep: Path) -> Iterable[Path]:
    """Folders of the runs of a sweep that were trained to their end."""
    results = ((path.parent, read_result(path.parent)) for path in sorted(sweep.glob(f"*/{FILE}")))
    return (folder for folder, result in results if result is not None and result.status == "done")


def best_until(folder: Path, step: int, monitor: Monitor = FORMER_MONITOR) -> float | None:
    """`Monitor.gain` of a run's best score up to a step, from its curves.

    Returns:
        None if the run had no score by then, or did not get as far.
    """
    if not (folder / CURVES).is_file():
        return None
    rows = read_rows(folder / CURVES)
    gains = {at: monitor.gain(row[monitor.name]) for at, row in rows.items() if monitor.name in row}
    if max(gains, default=-1) < step:
        return None
    return max((gain for at, gain in gains.items() if at <= step), default=None)
