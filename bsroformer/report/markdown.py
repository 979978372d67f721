"""Tables in Markdown."""

from collections.abc import Sequence

from bsroformer.report.tables import Cell, Table, interval, score_text
from bsroformer.text import NOTHING


def markdown(columns: Sequence[str], lines: Sequence[Sequence[str | float]]) -> str:
    """Write a table in Markdown; decibels have two digits."""
    rows = [list(columns), ["---"] * len(columns)]
    rows += [[_text(cell) for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in rows)


def markdown_table(table: Table) -> str:
    """Write a table value in Markdown."""
    lines = [[line.name, *map(_cell, line.cells)] for line in table.lines]
    return markdown([table.first, *table.columns], lines)


def _text(cell: str | float) -> str:
    return score_text(cell) if isinstance(cell, float) else str(cell)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _cell(cell: Cell) -> str:
    """Format a score, its interval, and in how many songs it is better."""
    if isinstance(cell, str):
        return cell
    if cell.better and not cell.better[1]:
        return NOTHING
    text = f"{score_text(cell.value, cell.is_difference)} {interval(cell.interval, cell.is_difference)}".strip()
    return f"{text}, better in {cell.better[0]} of {cell.better[1]}" if cell.better else text
