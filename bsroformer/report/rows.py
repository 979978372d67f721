"""``metrics.csv``: what a run logged, a line for each step."""

import csv
from pathlib import Path

from bsroformer.atomic import replacing, writing

Row = dict[str, float]
"""Metric -> value, of one step."""


def write_rows(path: Path, rows: dict[int, Row]) -> None:
    """Write one line for each step, with an empty cell where a metric has no value."""
    names = sorted({name for row in rows.values() for name in row})
    with replacing(path) as partial, writing(path), partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["step", *names])
        writer.writeheader()
        writer.writerows({"step": step, **row} for step, row in sorted(rows.items()))


def read_rows(path: Path) -> dict[int, Row]:
    """Read what `write_rows` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            int(line.pop("step")): {name: float(value) for name, value in line.items() if value}
            for line in csv.DictReader(file)
        }
