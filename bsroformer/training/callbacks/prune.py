"""Early end of runs that lag behind the other runs of a sweep."""

from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L

from bsroformer.kinds import CountOrZero
from bsroformer.report.metrics_csv import read_rows
from bsroformer.report.monitor import DEFAULT_MONITOR, LEGACY_MONITOR, Monitor
from bsroformer.run_folder import RunFolder
from bsroformer.training.sweep.job_result import RESULT_FILE, read_result, update_result


class MedianPruner(L.Callback):
    """End a run whose best score is below the median of its finished siblings'.

    Scores up to the same step are compared.

    This is the median rule of Google Vizier (Golovin et al., KDD 2017, section 3.2.1). Siblings are the other runs in
    the folder of the sweep. Their curves are read from their folders, so that the process, machine and sweeper of each
    do not matter. Only runs that were trained to their end count, since pruned ones would lower the median. A run
    outside a sweep has no siblings and is never ended.

    Args:
        folder: The run's folder.
        warmup_steps: Optimiser steps before which no run is ended.
        warmup_runs: The fewest finished siblings that reached the step.
        monitor: Name of the score that is compared.
    """

    def __init__(
        self, folder: str, warmup_steps: CountOrZero, warmup_runs: CountOrZero, monitor: str = LEGACY_MONITOR
    ) -> None:
        self.folder = Path(folder)
        self.warmup_steps = warmup_steps
        self.warmup_runs = max(1, warmup_runs)
        self.monitor = Monitor(monitor)
        self.best = -inf  # `Monitor.gain` of the best score

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare the best score; stop if it lags."""
        score = trainer.callback_metrics.get(self.monitor.name)
        if trainer.sanity_checking or score is None:
            return
        gain = self.monitor.gain(score.item())
        self.best = max(self.best, gain)
        step = trainer.global_step
        if step >= self.warmup_steps and lags(self.best, self.siblings_until(step), self.warmup_runs):
            trainer.should_stop = True
            update_result(self.folder, status="pruned")

    def state_dict(self) -> dict[str, Any]:
        """Return the best score and its name, for checkpoints."""
        return {"best": self.best, "monitor": self.monitor.name}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, unless it is of another score."""
        if state_dict.get("monitor", LEGACY_MONITOR) == self.monitor.name:
            self.best = state_dict["best"]

    def siblings_until(self, step: int) -> list[float]:
        """Return `Monitor.gain` of the best scores of the siblings up to a step.

        Only finished siblings that reached it count.
        """
        siblings = [folder for folder in finished_runs(self.folder.parent) if folder != self.folder]
        bests = [best_until(folder, step, self.monitor) for folder in siblings]
        return [best for best in bests if best is not None]


def lags(best: float, others: Sequence[float], least: int) -> bool:
    """Return whether a score is below the median of at least `least` others."""
    return len(others) >= least and best < median(others)


def finished_runs(sweep: Path) -> Iterator[Path]:
    """Yield the folders of a sweep's runs that were trained to their end."""
    for path in sorted(sweep.glob(f"*/{RESULT_FILE}")):
        result = read_result(path.parent)
        if result is not None and result.status == "done":
            yield path.parent


def best_until(folder: Path, step: int, monitor: Monitor = DEFAULT_MONITOR) -> float | None:
    """Return `Monitor.gain` of a run's best score up to a step, from its curves.

    Returns:
        None if the run had no score by then, or ended before the step.
    """
    metrics = RunFolder(folder).metrics
    if not metrics.is_file():
        return None
    rows = read_rows(metrics)
    gains = {at: monitor.gain(row[monitor.name]) for at, row in rows.items() if monitor.name in row}
    if max(gains, default=-1) < step:
        return None
    return max((gain for at, gain in gains.items() if at <= step), default=None)
