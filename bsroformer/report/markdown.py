"""Tables in Markdown."""

from collections.abc import Sequence


def markdown(columns: Sequence[str], lines: Sequence[Sequence[str | float]]) -> str:
    """A table in Markdown; decibels have two digits."""
    cells = [columns, ["---"] * len(columns), *lines]
    words = ([f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in line] for line in cells)
    return "\n".join(f"| {' | '.join(word.replace('|', chr(92) + '|') for word in line)} |" for line in words)
