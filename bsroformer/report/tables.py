"""Tables of words, and those of a training run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bsroformer.report.colours import number
from bsroformer.report.metrics_csv import Row
from bsroformer.report.monitor import FORMER_MONITOR, METRICS, Monitor

NOTHING = "–"


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        name: Its heading.
        cells: Its values.
        colour: Name of the colour of what it is about; None if that has none.
        kind: ``mean`` or ``aside`` (of less weight), else empty.
        notes: What stands small below each value; nothing if empty.
        strong: Which values stand out.
    """

    name: str
    cells: tuple[str, ...]
    colour: str | None = None
    kind: str = ""
    notes: tuple[str, ...] = ()
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: Headings of the columns after the first.
        lines: Its lines.
        groups: Headings above those of the columns, and how many columns each is for; none if empty.
        colours: Names of the colours of the columns, None for one without; none has one if empty.
        words: Whether the cells hold words, not numbers.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    groups: tuple[tuple[str, int], ...] = ()
    colours: tuple[str | None, ...] = ()
    words: bool = False


def latest_and_best(rows: Mapping[int, Row], monitor: Monitor = FORMER_MONITOR) -> tuple[int, int] | None:
    """The steps of the latest and of the best validation; None before the first that has a score."""
    scores = {step: row.get(monitor.name, math.nan) for step, row in rows.items()}
    gains = {step: monitor.gain(score) for step, score in scores.items() if not math.isnan(score)}
    if not gains:
        return None
    return max(gains), max(gains, key=lambda step: (gains[step], -step))


def validation_table(rows: Mapping[int, Row], stems: Sequence[str], monitor: Monitor = FORMER_MONITOR) -> Table | None:
    """SDR and SI-SDR of each stem in the latest and the best validation; None before the first."""
    if (steps := latest_and_best(rows, monitor)) is None:
        return None

    def cells(ending: str) -> tuple[str, ...]:
        return tuple(decibels(rows[step].get(metric + ending)) for step in steps for metric in METRICS)

    lines = [Line(stem, cells(f"_{stem}"), number(n)) for n, stem in enumerate(stems)]
    columns = tuple(f"{metric}, {which}" for which in ("latest", "best") for metric in METRICS.values())
    return Table(columns, (*lines, Line("mean", cells(""), kind="mean")))


def decibels(value: float | None, sign: bool = False) -> str:
    """A score as it stands in a table; with `sign`, a difference."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:{'+' if sign else ''}.2f}".replace("-", "−")
