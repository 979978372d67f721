"""Cells of tables as text of a page, and curves in them."""

import math
from collections.abc import Mapping, Sequence

from bsroformer.report.metrics_csv import Row
from bsroformer.report.monitor import Monitor
from bsroformer.report.tables import Cell
from bsroformer.text import MINUS, decibels

CURVE_POINTS = 60
CURVE_SIZE = (96, 22)
"""Width and height of a curve in a line, in pixels."""


def score_text(value: float | None, sign: bool = False) -> str:
    """Format a score with two digits; with `sign`, a difference."""
    return decibels(value, "", sign, digits=2, minus=MINUS)


def interval(ends: Sequence[float] | None, sign: bool = False) -> str:
    """Format a confidence interval in dB; empty without one."""
    return f"{score_text(ends[0], sign)} to {score_text(ends[1], sign)}" if ends else ""


def cell_text(cell: Cell) -> str:
    """Format the value of a cell."""
    return cell if isinstance(cell, str) else score_text(cell.value, cell.is_difference)


def cell_note(cell: Cell) -> str:
    """Format the note below a value: interval, and number of better songs."""
    if isinstance(cell, str):
        return ""
    notes = [interval(cell.interval, cell.is_difference)]
    if cell.better and cell.better[1]:
        notes.append(f"better in {cell.better[0]} of {cell.better[1]}")
    return " · ".join(filter(None, notes))


def is_strong(cell: Cell) -> bool:
    """Check that a cell is emphasised."""
    return not isinstance(cell, str) and cell.strong


def curve(rows: Mapping[int, Row], monitor: Monitor) -> str:
    """Convert the monitor's scores over the steps to the points of an SVG's polyline."""
    scores = [(step, row[monitor.name]) for step, row in sorted(rows.items()) if monitor.name in row]
    finite = [point for point in scores if math.isfinite(point[1])]
    points = finite[:: max(1, len(finite) // CURVE_POINTS)]
    if len(points) < 2:
        return ""
    low = min(score for _, score in points)
    high = max(score for _, score in points)
    first = points[0][0]
    last = points[-1][0]
    width, height = CURVE_SIZE
    shown = []
    for step, score in points:
        x = 2 + (width - 4) * (step - first) / (last - first)
        y = 2 + (height - 4) * (high - score) / ((high - low) or 1.0)
        shown.append(f"{x:.1f},{y:.1f}")
    return " ".join(shown)
