"""Colours of all figures and pages, in a light and a dark theme."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Theme:
    """Colours on one background.

    The hues of the palette are those of Okabe and Ito (Color Universal Design, 2008), shifted so that any two also
    differ for readers without red, green or blue cones. Text is never in a colour of the palette.

    Attributes:
        ground: Colour of the page.
        card: Background of figures.
        text: Colour of titles, names and numbers.
        faint: Colour of axes, grids and the mixture.
        ceiling: Colour of oracles.
        palette: Colours of stems, or of methods if several are compared.
    """

    ground: str
    card: str
    text: str
    faint: str
    ceiling: str
    palette: tuple[str, ...]

    def colour(self, n: int) -> str:
        """Return the colour of the n-th stem or method."""
        return self.palette[n % len(self.palette)]

    @property
    def colours(self) -> tuple[str, ...]:
        """All colours, in an order that themes share."""
        return (self.ground, self.card, *self.foreground)

    @property
    def foreground(self) -> tuple[str, ...]:
        """Colours of text and lines, in an order that themes share."""
        return (self.text, self.faint, self.ceiling, *self.palette)


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


def darken(figure: "Figure") -> None:
    """Replace the colours of `LIGHT` in text and lines of a figure by those of `DARK`.

    The arrangement stays, so that it is not computed again.
    """
    from matplotlib.colors import to_hex
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    dark = dict(zip(LIGHT.foreground, DARK.foreground, strict=True))
    figure.set_layout_engine("none")
    figure.set_facecolor(DARK.card)
    for text in figure.findobj(Text):
        colour = to_hex(text.get_color())
        if colour in dark:
            text.set_color(dark[colour])
    for line in figure.findobj(Line2D):
        colour = to_hex(line.get_color())
        edge = to_hex(line.get_markeredgecolor())
        if colour in dark:
            line.set_color(dark[colour])
        if edge in dark:
            line.set_markeredgecolor(dark[edge])
