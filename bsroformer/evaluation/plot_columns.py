"""Columns of plots of scores: by stem, a column of songs for each method."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bsroformer.evaluation.results import EVALUATED, Results
from bsroformer.evaluation.scores import Evaluation, average
from bsroformer.figures.style import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BOX_FROM = 4
"""Minimal number of songs for a box; fewer are dots."""
WHISKER = 1.5
"""Longest whiskers in box lengths (Tukey, Exploratory Data Analysis, 1977)."""
STEM_GAP = 0.9
"""Gap between two stems, in columns."""
MAX_WIDTH = 24.0
"""Inches."""


@dataclass(frozen=True)
class Column:
    """The songs of one stem and one method.

    Attributes:
        x: Position of its middle; those of stems are whole numbers.
        width: Distance to the next column.
        colour: Colour of its box and dots.
        songs: Song -> dB, of songs with a score.
        average: Average of the songs, as in the table.
        compared: True unless the method is the floor or a ceiling.
    """

    x: float
    width: float
    colour: str
    songs: dict[str, float]
    average: float
    compared: bool

    @property
    def values(self) -> list[float]:
        """Scores from the lowest to the highest."""
        return sorted(self.songs.values())

    @property
    def whiskers(self) -> tuple[float, float]:
        """Outermost songs within :data:`WHISKER` box lengths of the box.

        With few songs, these are the outermost.
        """
        values = self.values
        if len(values) < BOX_FROM:
            return values[0], values[-1]
        lower, upper = np.quantile(values, [0.25, 0.75])
        reach = WHISKER * (upper - lower)
        within = [value for value in values if lower - reach <= value <= upper + reach]
        return within[0], within[-1]


def columns_by_stem(results: Results, methods: Sequence[Evaluation], metric: str) -> list[list[Column]]:
    """Create the columns of each stem, one for each method."""
    width = 1 / (len(methods) + STEM_GAP)
    by_stem = []
    for n, stem in enumerate(results.stems):
        columns = []
        for position, method in enumerate(methods):
            scores = {song.song: song.score(stem, metric) for song in method.songs}
            songs = {song: db for song, db in scores.items() if not math.isnan(db)}
            x = n + width * (position - (len(methods) - 1) / 2)
            mean = average(metric, songs.values())
            columns.append(Column(x, width, _colour(results, method, n), songs, mean, method.kind in EVALUATED))
        by_stem.append(columns)
    return by_stem


def empty_figure(
    results: Results, methods: Sequence[Evaluation], metric: str, title: str, height: float, slot: float
) -> "tuple[Figure, Axes]":
    """Create a figure without columns: dB upwards, stems below, methods above.

    A column is `slot` inches wide.
    """
    from matplotlib.figure import Figure

    width = min(max(9.0, 1 + slot * (len(methods) + STEM_GAP) * len(results.stems)), MAX_WIDTH)
    figure = Figure(figsize=(width, height), facecolor=LIGHT.card, layout="constrained")
    axes = figure.add_subplot(facecolor=LIGHT.card)
    axes.set_xticks(range(len(results.stems)), results.stems)
    axes.set_xlim(-0.52, len(results.stems) - 0.48)
    axes.set_ylabel(f"{metric} (dB)", color=LIGHT.text, fontsize=12)
    axes.tick_params(axis="y", colors=LIGHT.faint, length=0)
    axes.tick_params(axis="x", length=0, labelsize=12, pad=6, labelcolor=LIGHT.text)
    axes.grid(axis="y", color=LIGHT.faint, alpha=0.2)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    if title:
        figure.suptitle(title, color=LIGHT.text, fontsize=14)
    _add_legend(axes, results, methods, width)
    return figure, axes


def _colour(results: Results, method: Evaluation, stem: int) -> str:
    """Return the stem's colour for a single method, else that of the method."""
    if method.kind not in EVALUATED:
        return LIGHT.faint if method.kind == "mixture" else LIGHT.ceiling
    names = [compared.method for compared in results.evaluated]
    number = stem if len(names) == 1 else names.index(method.method)
    return LIGHT.colour(number)


def _add_legend(axes: "Axes", results: Results, methods: Sequence[Evaluation], width: float) -> None:
    """Name the methods, in the order of columns, each with its colours."""
    from matplotlib.legend_handler import HandlerTuple
    from matplotlib.lines import Line2D

    def dots(method: Evaluation) -> tuple[Line2D, ...]:
        colours = dict.fromkeys(_colour(results, method, n) for n in range(len(results.stems)))
        return tuple(Line2D([], [], color=colour, marker="o", linestyle="", markersize=5.5) for colour in colours)

    longest = max((len(method.method) for method in methods), default=0)
    axes.legend(
        [dots(method) for method in methods],
        [method.method for method in methods],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.6)},
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=max(1, min(len(methods), int(width / (0.09 * longest + 0.7)))),
        handlelength=max(1.0, 0.6 * len(results.stems)) if len(results.evaluated) == 1 else 1.0,
        frameon=False,
        labelcolor=LIGHT.text,
        fontsize=11,
    )
