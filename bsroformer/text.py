"""Formatting for messages: lists, counts, decibels, durations."""

import math
from collections.abc import Sequence

NOTHING = "–"
"""Text of an undefined value."""
MINUS = "−"
"""Minus sign of pages and figures; text that programs may read has a hyphen."""
MAX_NAMED = 3
"""Names that a message lists; it counts the others."""


def listed(names: Sequence[str], most: int = MAX_NAMED, separator: str = ", ", last: str = " and ") -> str:
    """List the first names and count the others: ``A, B, C and 4 more``.

    Args:
        names: The names, in order.
        most: Number of names to list.
        separator: Text between two names.
        last: Text before the count.
    """
    shown = separator.join(names[:most])
    others = len(names) - most
    return shown if others <= 0 else f"{shown}{last}{others} more"


def count(number: int, noun: str) -> str:
    """Format a number with its noun: ``1 song``, ``1,200 songs``."""
    ending = "" if number == 1 else "s"
    return f"{number:,} {noun}{ending}"


def decibels(value: float | None, unit: str = "dB", sign: bool = False, digits: int = 1, minus: str = "-") -> str:
    """Format a level, a ratio or a score: ``-8.0 dB``.

    Args:
        value: Its value; None or NaN is undefined.
        unit: Its unit; empty for none.
        sign: Whether a positive value has a sign, as a difference: ``+3.5 dB``.
        digits: Number of decimals.
        minus: Sign of a negative value.
    """
    if value is None or math.isnan(value):
        return NOTHING
    number = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return f"{number} {unit}".rstrip().replace("-", minus)


def clock(seconds: float) -> str:
    """Format a duration in seconds as ``3:07`` or ``1:02:03``."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
