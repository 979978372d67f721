"""Table of a training's latest and best validation."""

import math
from collections.abc import Mapping, Sequence

from bsroformer.report.colours import number
from bsroformer.report.metrics_csv import Row
from bsroformer.report.monitor import DEFAULT_MONITOR, VALIDATION_METRICS, Monitor
from bsroformer.report.tables import Line, Score, Table


def latest_and_best(rows: Mapping[int, Row], monitor: Monitor = DEFAULT_MONITOR) -> tuple[int, int] | None:
    """Find the steps of the latest and of the best validation.

    It is None before the first one with a score.
    """
    gains = {}
    for step, row in rows.items():
        score = row.get(monitor.name, math.nan)
        if not math.isnan(score):
            gains[step] = monitor.gain(score)
    if not gains:
        return None
    return max(gains), max(gains, key=lambda step: (gains[step], -step))


def validation_table(rows: Mapping[int, Row], stems: Sequence[str], monitor: Monitor = DEFAULT_MONITOR) -> Table | None:
    """List the scores of each stem in the latest and the best validation.

    None before the first.
    """
    steps = latest_and_best(rows, monitor)
    if steps is None:
        return None

    def scores(ending: str) -> tuple[Score, ...]:
        return tuple(Score(rows[step].get(metric + ending)) for step in steps for metric in VALIDATION_METRICS)

    lines = [Line(stem, scores(f"_{stem}"), number(n)) for n, stem in enumerate(stems)]
    lines.append(Line("mean", scores(""), kind="mean"))
    columns = tuple(f"{metric}, {which}" for which in ("latest", "best") for metric in VALIDATION_METRICS.values())
    return Table(columns, tuple(lines), first="stem")
