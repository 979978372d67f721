"""The table of a sweep's jobs: ``sweep.csv`` and ``sweep.md``."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bsroformer.atomic import replacing, write_text, writing
from bsroformer.report import markdown as tables
from bsroformer.report.metrics_csv import read_rows
from bsroformer.report.monitor import DEFAULT_MONITOR, Monitor
from bsroformer.run_folder import RunFolder
from bsroformer.text import clock
from bsroformer.training.sweep.job_result import RESULT_FILE, Result, read_result

ORDER = ("done", "pruned", "unfinished", "failed")
"""Order of statuses among jobs without a score."""
COLUMNS = ("steps", "seconds", "status", "reason")
"""Columns after the job's settings and its score."""


def write_tables(sweep: Path, varied: Sequence[str], monitor: Monitor = DEFAULT_MONITOR) -> list[dict[str, Any]]:
    """Write ``sweep.csv`` and ``sweep.md`` from the jobs' folders; return the rows."""
    rows = table_rows(sweep, varied, monitor)
    with (
        replacing(sweep / "sweep.csv") as partial,
        writing(sweep),
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, ["job", *varied, monitor.name, *COLUMNS])
        writer.writeheader()
        writer.writerows(rows)
    write_text(sweep / "sweep.md", markdown(rows, varied, monitor))
    return rows


def table_rows(sweep: Path, varied: Sequence[str], monitor: Monitor = DEFAULT_MONITOR) -> list[dict[str, Any]]:
    """Return a row for each job of a sweep, the best first, those without score last."""
    rows = []
    for path in sweep.glob(f"*/{RESULT_FILE}"):
        result = read_result(path.parent)
        if result:
            rows.append(table_row(path.parent, result, varied, monitor))
    return sorted(rows, key=lambda row: rank(row, monitor))


def rank(row: Mapping[str, Any], monitor: Monitor) -> tuple[float, int, str]:
    """Return the sort key of a row: score, then status, then job."""
    score = row[monitor.name]
    gain = -math.inf if score is None else monitor.gain(score)
    return (-gain, ORDER.index(row["status"]), row["job"].zfill(9))


def table_row(folder: Path, result: Result, varied: Sequence[str], monitor: Monitor) -> dict[str, Any]:
    """Return the row of a job.

    It has no score if another monitor judged the job.
    """
    values = dict(override.lstrip("+").split("=", 1) for override in result.overrides if "=" in override)
    curves = RunFolder(folder).metrics
    return {
        "job": folder.name,
        **{key: values.get(key.lstrip("+"), "") for key in varied},
        monitor.name: result.score if result.monitor == monitor.name else None,
        "steps": max(read_rows(curves), default=None) if curves.is_file() else None,
        "seconds": None if result.seconds is None else round(result.seconds, 1),
        "status": result.status,
        "reason": result.reason,
    }


def markdown(rows: Sequence[Mapping[str, Any]], varied: Sequence[str], monitor: Monitor = DEFAULT_MONITOR) -> str:
    """Format the table in Markdown.

    Its last column has the job's status and, if it failed, the reason.
    """
    lines = []
    for row in rows:
        score = row[monitor.name]
        steps = row["steps"]
        seconds = row["seconds"]
        cells = (
            row["job"],
            *(short(row[key]) for key in varied),
            "" if score is None else score,
            "" if steps is None else steps,
            "" if seconds is None else clock(seconds),
            ": ".join(filter(None, (row["status"], row["reason"]))),
        )
        lines.append(cells)
    unit = " dB" if monitor.mode == "max" else ""
    return tables.markdown(["job", *varied, f"{monitor.label}{unit}", "steps", "time", "status"], lines) + "\n"


def short(value: str) -> str:
    """Shorten a number to four digits; other values stay."""
    try:
        return f"{float(value):.4g}" if "." in value else value
    except ValueError:
        return value
