"""The other runs of a sweep, and their best scores up to a step."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bsroformer.report.metrics_csv import read_rows
from bsroformer.report.monitor import DEFAULT_MONITOR, Monitor
from bsroformer.run_folder import RunFolder
from bsroformer.training.sweep.job_result import RESULT_FILE, read_result


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
