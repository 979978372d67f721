"""Cells of tables as text of a page."""

from collections.abc import Sequence

from bsroformer.report import tables
from bsroformer.report.tables import Cell


def decibels(value: float | None, sign: bool = False) -> str:
    """Format a score with two digits and a true minus; with `sign`, a difference."""
    return tables.decibels(value, sign).replace("-", "−")


def interval(ends: Sequence[float] | None, sign: bool = False) -> str:
    """Format a confidence interval in dB; empty without one."""
    return f"{decibels(ends[0], sign)} to {decibels(ends[1], sign)}" if ends else ""


def cell_text(cell: Cell) -> str:
    """Format the value of a cell."""
    return cell if isinstance(cell, str) else decibels(cell.value, cell.is_difference)


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
