"""The file ``metrics.csv`` of a run: logged metrics, a line for each step."""

import csv
from pathlib import Path

from bsroformer.atomic import replacing, writing
from bsroformer.safe_files import RECORDS, read_bytes

Row = dict[str, float]
"""Metric -> value at one step."""


def write_rows(path: Path, rows: dict[int, Row]) -> None:
    """Write one line for each step, with an empty cell where a metric has no value."""
    names = sorted({name for row in rows.values() for name in row})
    with replacing(path) as partial, writing(path), partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["step", *names])
        writer.writeheader()
        writer.writerows({"step": step, **row} for step, row in sorted(rows.items()))


def read_rows(path: Path) -> dict[int, Row]:
    """Read the file of `write_rows`, without damaged lines.

    Raises:
        InputError: If the file cannot be read.
    """
    return read_whole_rows(path)[0]


def read_whole_rows(path: Path) -> tuple[dict[int, Row], int]:
    """Read the undamaged lines, for example after a power cut, and count the others.

    Raises:
        InputError: If the file cannot be read.
    """
    text = read_bytes(path, RECORDS).decode("utf-8", errors="replace")
    rows: dict[int, Row] = {}
    damaged = 0
    lines = csv.reader(text.replace("\0", "").splitlines())
    try:
        names = next(lines, [])
        for cells in lines:
            row = _row(names, cells)
            if row is None:
                damaged += 1
            else:
                rows[row[0]] = row[1]
    except csv.Error:  # a field without end
        damaged += 1
    return rows, damaged


def _row(names: list[str], cells: list[str]) -> tuple[int, Row] | None:
    """Parse a line's step and values; None if it is damaged."""
    row = dict(zip(names, cells, strict=False))
    try:
        step = int(row.pop("step"))
        values = {name: float(value) for name, value in row.items() if value}
    except (KeyError, ValueError):
        return None
    return (step, values) if step >= 0 and len(cells) == len(names) else None
