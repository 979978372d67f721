"""Spectrograms of true and estimated stems side by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from bsroformer.figures.spectrogram import add_colour_bar, band_power, draw_spectrogram
from bsroformer.figures.style import LIGHT
from bsroformer.metrics import sdr
from bsroformer.text import decibels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES = 1.75
NOTE_BOX = {"boxstyle": "round,pad=0.25", "facecolor": "#000000", "edgecolor": "none", "alpha": 0.6}
"""Background of words on a spectrogram, which is dark in any LIGHT."""


@dataclass(frozen=True)
class Column:
    """A column of spectrograms: heading, signals (n c t), colour and notes."""

    heading: str
    signals: Tensor
    colour: str | None = None
    notes: Sequence[str] = ()


def comparison_figure(
    references: Tensor,
    estimates: Tensor,
    stems: Sequence[str],
    sample_rate: int,
    title: str = "",
) -> "Figure":
    """Draw every stem in a row: the reference, the estimate, and the error.

    A colour means the same level everywhere. The SDR of the drawn excerpt is beside the row.

    Args:
        references: True stems, (n c t).
        estimates: Estimated stems, (n c t).
        stems: Names of the stems.
        sample_rate: Hz.
        title: Heading of the figure.

    Returns:
        A figure 10 inches wide, 1.75 high for each stem.
    """
    columns = [
        Column("reference", references),
        Column("estimate", estimates),
        Column("error", estimates - references),
    ]
    labels = [f"{stem}\n{score}" for stem, score in zip(stems, _scores(references, estimates), strict=True)]
    return _grid(columns, labels, sample_rate, title)


def methods_figure(
    references: Tensor,
    estimates: Mapping[str, Tensor],
    colours: Mapping[str, str],
    stems: Sequence[str],
    sample_rate: int,
) -> "Figure":
    """Draw a row for each stem: the reference, and each estimate with its SDR.

    Args:
        references: True stems, (n c t).
        estimates: Method -> estimated stems, (n c t).
        colours: Method -> its colour, drawn as a line above its column.
        stems: Names of the stems.
        sample_rate: Hz.

    Returns:
        A figure 1.75 inches high for each stem, 10 wide or more for more than two methods.
    """
    columns = [Column("reference", references)]
    for method, signals in estimates.items():
        columns.append(Column(method, signals, colours[method], _scores(references, signals)))
    return _grid(columns, list(stems), sample_rate, "")


def _scores(references: Tensor, estimates: Tensor) -> list[str]:
    """Format the SDR of each stem."""
    scores = sdr(estimates.cpu(), references.cpu()).tolist()
    return ["silent" if math.isnan(score) else f"SDR {decibels(score)}" for score in scores]


def _grid(columns: Sequence[Column], labels: Sequence[str], sample_rate: int, title: str) -> "Figure":
    """Draw a row for each stem.

    Levels are relative to the loudest point of the first column.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    loudest = max(float(band_power(reference.cpu(), sample_rate).max()) for reference in columns[0].signals)
    width = max(10.0, 1.0 + 3.0 * len(columns))
    height = 0.4 + ROW_INCHES * len(labels)
    figure = Figure(figsize=(width, height), facecolor=LIGHT.card, layout="constrained")
    if title:
        figure.suptitle(title, color=LIGHT.text, fontsize=14)
    grid = figure.add_gridspec(len(labels), len(columns))
    for n, label in enumerate(labels):
        for position, column in enumerate(columns):
            axes = figure.add_subplot(grid[n, position])
            image = draw_spectrogram(axes, column.signals[n].cpu(), sample_rate, loudest)
            axes.xaxis.set_major_locator(MaxNLocator(5, prune="upper"))  # the last label would overlap the next panel's
            axes.xaxis.set_major_formatter("{x:g} s")
            if n == 0:
                axes.set_title(column.heading, color=LIGHT.text, fontsize=12, pad=8)
            if n < len(labels) - 1:
                axes.set_xticks([])
            if position == 0:
                axes.set_ylabel(label, color=LIGHT.text, fontsize=12)
            else:
                axes.set_yticks([])
            _annotate(axes, column, n)
    add_colour_bar(figure, image, 12 * len(labels))
    return figure


def _annotate(axes: "Axes", column: Column, n: int) -> None:
    """Add a column's coloured line above its first panel, and the note in each."""
    if column.colour and n == 0:
        axes.plot([0, 1], [1.025, 1.025], color=column.colour, linewidth=4, transform=axes.transAxes, clip_on=False)
    if column.notes:
        axes.text(
            0.98, 0.05, column.notes[n], transform=axes.transAxes, color="white", fontsize=9, ha="right", bbox=NOTE_BOX
        )
