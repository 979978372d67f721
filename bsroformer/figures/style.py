"""Colours of all figures and pages, light and dark: one palette for stems or methods, and neutrals for the rest."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """Colours on one ground.

    The hues of the palette are those of Okabe and Ito (Color Universal Design, 2008), moved so that any two differ
    for readers without red, green or blue cones too. Text is never in a colour of the palette.

    Attributes:
        ground: The page.
        card: What figures are drawn on.
        text: Titles, names and numbers.
        faint: Axes, grids and the mixture.
        ceiling: Oracles.
        palette: The colours of stems, or of methods where several are compared.
    """

    ground: str
    card: str
    text: str
    faint: str
    ceiling: str
    palette: tuple[str, ...]

    def colour(self, n: int) -> str:
        """The colour of the n-th stem or method."""
        return self.palette[n % len(self.palette)]

    @property
    def colours(self) -> tuple[str, ...]:
        """All of them, each of which stands for the one at the same position of another theme."""
        return (self.ground, self.card, self.text, self.faint, self.ceiling, *self.palette)


LIGHT = Theme(
    "#faf9fc",
    "#ffffff",
    "#1b1723",
    "#655e74",
    "#a59db5",
    ("#d85d00", "#1f54b2", "#0a9e73", "#d5980c", "#a85ea8", "#50abe1"),
)
DARK = Theme(
    "#0d0b14",
    "#161320",
    "#f2eef7",
    "#9a93ad",
    "#6f6885",
    ("#f4743a", "#5c8efc", "#3dc695", "#f3c150", "#d38fd3", "#9cdcf6"),
)


def in_dark(svg: str) -> str:
    """Replace the colours of `LIGHT` in an SVG by those of `DARK`."""
    dark = dict(zip(LIGHT.colours, DARK.colours, strict=True))
    return re.sub("#[0-9a-f]{6}", lambda found: dark.get(found[0], found[0]), svg)
