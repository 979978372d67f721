"""Box plots of scores over the songs, for each stem and method."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bsroformer.evaluation.plot_columns import BOX_FROM, WHISKER, Column, columns_by_stem, empty_figure
from bsroformer.evaluation.result_files import write_figure
from bsroformer.evaluation.results import Results
from bsroformer.figures.style import LIGHT
from bsroformer.metrics import METRICS
from bsroformer.text import MINUS, decibels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEYOND = 0.4
"""Part of the whiskers' range that is shown beyond them, at most, for songs there."""
LABEL = {"boxstyle": "round,pad=0.12", "facecolor": LIGHT.card, "edgecolor": "none", "alpha": 0.8}
"""Background of numbers, so that no line crosses them."""
GOLDEN = (5**0.5 - 1) / 2
"""Steps of this part of a width spread any number of dots evenly."""


def box_figure(results: Results, metric: str, title: str = "") -> "Figure":
    """Draw the songs' scores by stem: a box for each method, a dot for each song.

    Songs far from all boxes would flatten them: they are arrows at the edge.

    Args:
        results: The scores.
        metric: Name of the metric.
        title: Heading of the figure.

    Returns:
        A figure 5 inches high, and 9 wide or more for many boxes.
    """
    methods = [method for method in results.evaluations if metric in method.metrics]
    figure, axes = empty_figure(results, methods, metric, title, height=5.0, slot=0.5)
    by_stem = columns_by_stem(results, methods, metric)
    columns = [column for stem in by_stem for column in stem if column.songs]
    low, high = _range(columns)
    for column in columns:
        _draw_box(axes, column)
        _draw_songs(axes, column, low, high)
        _draw_number(axes, column, high)
    axes.set_ylim(low - 0.04 * (high - low), high + 0.1 * (high - low))
    figure.supxlabel(_note(metric, columns, low, high), color=LIGHT.faint, fontsize=9)
    return figure


def write_box_figures(results: Results, folder: Path) -> list[Path]:
    """Write `box_figure` of each metric as PNG and SVG, and return the files."""
    paths = []
    for metric in results.metrics:
        figure = box_figure(results, metric)
        for suffix in (".png", ".svg"):
            path = folder / f"{metric}{suffix}"
            write_figure(figure, path)
            paths.append(path)
    return paths


def _range(columns: Sequence[Column]) -> tuple[float, float]:
    """Choose the range in dB: all whiskers, and songs near them."""
    if not columns:
        return 0.0, 1.0
    lowest = min(column.whiskers[0] for column in columns)
    highest = max(column.whiskers[1] for column in columns)
    reach = BEYOND * (highest - lowest)
    near = [db for column in columns for db in column.values if lowest - reach <= db <= highest + reach]
    margin = max(0.0, 1.0 - (max(near) - min(near))) / 2  # dB, so that equal scores have an axis
    return min(near) - margin, max(near) + margin


def _draw_box(axes: "Axes", column: Column) -> None:
    """Draw the middle half of the songs, their median, and whiskers."""
    if len(column.songs) < BOX_FROM:
        return
    axes.boxplot(
        [column.values],
        whis=WHISKER,
        positions=[column.x],
        widths=0.62 * column.width,
        showfliers=False,
        showcaps=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": column.colour + "30", "edgecolor": column.colour, "linewidth": 1.1},
        whiskerprops={"color": column.colour, "linewidth": 1.1},
        medianprops={
            "color": LIGHT.text if column.compared else column.colour,
            "linewidth": 2.2,
            "solid_capstyle": "butt",
            "zorder": 4,
        },
        zorder=2,
    )


def _draw_songs(axes: "Axes", column: Column, low: float, high: float) -> None:
    """Draw a dot for each song, and an arrow at the edge for a song outside."""
    few = len(column.songs) < BOX_FROM
    size = 34.0 if few else min(max(500 / len(column.songs), 5.0), 14.0)
    alpha = 1.0 if few else 0.7
    spread = 0.0 if few else 0.46 * column.width
    points_by_marker: dict[str, list[tuple[float, float]]] = {"o": [], "v": [], "^": []}
    for n, db in enumerate(column.values):
        marker = "v" if db < low else "^" if db > high else "o"
        x = column.x + spread * ((n * GOLDEN) % 1 - 0.5)
        points_by_marker[marker].append((x, min(max(db, low), high)))
    for marker, points in points_by_marker.items():
        if points:
            xs, ys = zip(*points, strict=True)
            area = size if marker == "o" else 28.0
            axes.scatter(xs, ys, area, column.colour, marker=marker, alpha=alpha, linewidths=0, zorder=3)


def _draw_number(axes: "Axes", column: Column, high: float) -> None:
    """Write the average above the column."""
    axes.annotate(
        decibels(column.average, "", minus=MINUS),
        (column.x, min(column.values[-1], high)),
        (0, 7),
        textcoords="offset points",
        color=LIGHT.text if column.compared else LIGHT.faint,
        fontsize=9,
        fontweight="bold" if column.compared else "normal",
        ha="center",
        bbox=LABEL,
    )


def _note(metric: str, columns: Sequence[Column], low: float, high: float) -> str:
    """Explain `box_figure`: a line about boxes, if there are any, and one about songs."""
    songs = ["dot: a song", f"number: {METRICS[metric].average} over songs"]
    values = [db for column in columns for db in column.values]
    outside = sum(not low <= db <= high for db in values)
    if outside:
        songs.append(f"arrow: a song out of sight ({outside})")
    boxes = [
        "box: middle half of the songs",
        "line: their median",
        f"whiskers: to the last song within {WHISKER} boxes",
    ]
    has_boxes = any(len(column.songs) >= BOX_FROM for column in columns)
    lines = [boxes, songs] if has_boxes else [songs]
    return "\n".join("   ·   ".join(line) for line in lines)
