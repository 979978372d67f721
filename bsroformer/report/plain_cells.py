"""Cells of tables as plain text, for Markdown and the terminal."""

from collections.abc import Sequence

from bsroformer.text import decibels


def score_text(value: float | None, sign: bool = False) -> str:
    """Format a score with two digits; with `sign`, a difference."""
    return decibels(value, "", sign, digits=2)


def interval(ends: Sequence[float] | None, sign: bool = False) -> str:
    """Format a confidence interval; empty without one.

    Ends have one digit, those of differences, which are small, two.
    """
    if not ends:
        return ""
    digits = 2 if sign else 1
    lower, upper = (decibels(end, "", sign, digits) for end in ends)
    return f"[{lower}, {upper}]"
