"""Tables on the terminal, as styled texts without console markup."""

from collections.abc import Sequence
from typing import Literal

from rich import table as rich_table
from rich.box import SIMPLE_HEAD
from rich.text import Text

from bsroformer.report.tables import Cell, Line, Score, Table, interval, score_text

STYLES = {"aside": "dim", "mean": "bold"}
"""Styles of kinds of lines."""
SCORE_WIDTH = len("-10.00")


def terminal_table(
    table: Table, labels: int = 1, sections: int = 0, title: str = "", caption: Sequence[str] = ()
) -> rich_table.Table:
    """Write a table value for the terminal.

    Args:
        table: The table.
        labels: Leading columns with labels, each shown only where it changes.
        sections: Leading columns whose changes start a new section.
        title: Heading.
        caption: Lines below the table; empty ones are skipped.

    Returns:
        A table to print with ``rich``.
    """
    shown = rich_table.Table(
        title=_wrapped(title, "bold"),
        title_justify="left",
        caption=_wrapped("\n".join(filter(None, caption)), "table.caption"),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    _add_columns(shown, table, labels)
    previous: list[str] = []
    for line in table.lines:
        current = _labels(line, labels)
        if previous and current[:sections] != previous[:sections]:
            shown.add_section()
        names = [Text(name) for name in _changed(current, previous)]
        cells = [_cell(cell, heading) for cell, heading in _values(table, line, labels)]
        shown.add_row(*names, *cells, style=STYLES.get(line.kind))
        previous = current
    return shown


def _add_columns(shown: rich_table.Table, table: Table, labels: int) -> None:
    """Add columns: labels and scores with intervals align left, other values right."""
    headings = (table.first, *table.columns)
    for position, heading in enumerate(headings):
        if position < labels:
            shown.add_column(Text(heading), no_wrap=position == 0 and labels == 2)
        else:
            justify: Literal["left", "right"] = "left" if _has_intervals(table, position - 1) else "right"
            aligned = heading.rjust(SCORE_WIDTH) if _has_scores(table, position - 1) else heading
            shown.add_column(Text(aligned), justify=justify, no_wrap=True)


def _has_scores(table: Table, column: int) -> bool:
    return any(isinstance(line.cells[column], Score) for line in table.lines)


def _has_intervals(table: Table, column: int) -> bool:
    cells = [line.cells[column] for line in table.lines]
    return any(not isinstance(cell, str) and cell.interval for cell in cells)


def _labels(line: Line, labels: int) -> list[str]:
    return [line.name, *(cell for cell in line.cells[: labels - 1] if isinstance(cell, str))]


def _changed(labels: Sequence[str], previous: Sequence[str]) -> list[str]:
    """Blank the leading labels that are those of the line above."""
    shown = list(labels)
    for position, pair in enumerate(zip(labels, previous, strict=False)):
        if pair[0] != pair[1]:
            break
        shown[position] = ""
    return shown


def _values(table: Table, line: Line, labels: int) -> list[tuple[Cell, str | None]]:
    """Pair the values of a line with the headings of columns that have intervals."""
    values: list[tuple[Cell, str | None]] = []
    for position in range(labels - 1, len(line.cells)):
        heading = table.columns[position] if _has_intervals(table, position) else None
        values.append((line.cells[position], heading))
    return values


def _cell(cell: Cell, heading: str | None) -> Text:
    """Format a value.

    In a column with intervals, scores align and intervals are faint.
    """
    if isinstance(cell, str):
        return Text(cell)
    value = score_text(cell.value, cell.is_difference)
    style = "bold" if cell.strong else ""
    if heading is None:
        return Text(value, style)
    aligned = value.rjust(max(SCORE_WIDTH, len(heading)))
    return Text.assemble((aligned, style), (f" {interval(cell.interval)}".rstrip(), "dim"))


def _wrapped(text: str, style: str) -> Text | None:
    """Wrap a text to the table, even on a console that does not wrap."""
    return Text(text, style, no_wrap=False, overflow="fold") if text else None
