"""Cells of tables as plain text, for Markdown and the terminal."""

import math
from collections.abc import Sequence

NOTHING = "–"
"""Text of an undefined value."""


def decibels(value: float | None, sign: bool = False) -> str:
    """Format a score with two digits; with `sign`, a difference."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:+.2f}" if sign else f"{value:.2f}"


def interval(ends: Sequence[float] | None, sign: bool = False) -> str:
    """Format a confidence interval; empty without one.

    Ends have one digit, those of differences, which are small, two.
    """
    if not ends:
        return ""
    lower, upper = (f"{end:+.2f}" if sign else f"{end:.1f}" for end in ends)
    return f"[{lower}, {upper}]"
