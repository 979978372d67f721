"""Tables as values and their plain text; writers render them in HTML, Markdown, terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from bsroformer.text import decibels


@dataclass(frozen=True)
class Score:
    """A score or a difference of scores in a table.

    Attributes:
        value: dB; None or NaN where undefined.
        interval: Confidence interval in dB.
        is_difference: Show the sign.
        better: Number of songs that are better, of how many; None for a score.
        strong: Emphasise it.
    """

    value: float | None
    interval: Sequence[float] | None = None
    is_difference: bool = False
    better: tuple[int, int] | None = None
    strong: bool = False


Cell = str | Score


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        name: Heading of the line.
        cells: Values.
        colour: Name of its colour; None without one.
        kind: ``mean``, ``aside`` (less important) or empty.
    """

    name: str
    cells: tuple[Cell, ...]
    colour: str | None = None
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: Headings of the columns after the first.
        lines: Lines.
        groups: Headings above those of the columns, and the number of columns of each.
        colours: Names of the colours of the columns, None for a column without one; empty if no column has one.
        words: The cells hold words, not numbers.
        first: Heading of the first column, that of the lines' names.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    groups: tuple[tuple[str, int], ...] = ()
    colours: tuple[str | None, ...] = ()
    words: bool = False
    first: str = ""


def score_text(value: float | None, sign: bool = False) -> str:
    """Format a score with two digits; with `sign`, a difference."""
    return decibels(value, "", sign, digits=2)


def interval(ends: Sequence[float] | None, sign: bool = False) -> str:
    """Format a confidence interval; empty without one.

    The ends of a score have one digit, those of a difference two.
    """
    if not ends:
        return ""
    digits = 2 if sign else 1
    lower, upper = (decibels(end, "", sign, digits) for end in ends)
    return f"[{lower}, {upper}]"
