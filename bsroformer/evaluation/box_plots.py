"""Pictures of scores: boxes over the songs for each stem and method, and each song as a line from method to method."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bsroformer.evaluation.plot_columns import BOX_FROM, WHISKER, Column, columns_by_stem, decibels, empty_figure
from bsroformer.evaluation.result_files import write_figure
from bsroformer.evaluation.results import EVALUATED, Results
from bsroformer.evaluation.scores import FRAMEWISE
from bsroformer.figures.style import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEYOND = 0.4
"""How much of the whiskers' range is shown beyond them, at most, for songs that lie there."""
LABEL = {"boxstyle": "round,pad=0.12", "facecolor": LIGHT.card, "edgecolor": "none", "alpha": 0.8}
"""Behind numbers, so that no line goes through them."""
GOLDEN = (5**0.5 - 1) / 2
"""Steps of this part of a width leave no gaps and no heaps, however many there are."""


def box_figure(results: Results, metric: str, title: str = "") -> "Figure":
    """The songs' scores in boxes: stems side by side, a box for each method, a dot for each song.

    Songs far from all boxes would flatten them: they are arrows at the edge.

    Args:
        results: The scores.
        metric: Which of the metrics.
        title: Heading of the picture.

    Returns:
        A figure of 5 inches of height, and of 9 of width or more for many boxes.
    """
    methods = [method for method in results.evaluations if metric in method.metrics]
    figure, axes = empty_figure(results, methods, metric, title, height=5.0, slot=0.5)
    columns = [column for of in columns_by_stem(results, methods, metric) for column in of if column.songs]
    low, high = _range(columns)
    for column in columns:
        _draw_box(axes, column)
        _draw_songs(axes, column, low, high)
        _draw_number(axes, column, high)
    axes.set_ylim(low - 0.04 * (high - low), high + 0.1 * (high - low))
    figure.supxlabel(_note(metric, columns, low, high), color=LIGHT.faint, fontsize=9)
    return figure


def write_box_figures(results: Results, folder: Path) -> list[Path]:
    """Write `box_figure` of each metric as ``<metric>.png`` and ``.svg`` into a folder; returns the files."""
    paths = []
    for metric in results.metrics:
        figure = box_figure(results, metric)
        for suffix in (".png", ".svg"):
            path = folder / f"{metric}{suffix}"
            write_figure(figure, path)
            paths.append(path)
    return paths


def scores_figure(results: Results, metric: str = "SI-SDR", title: str = "") -> "Figure":
    """Every song as a line from the mixture's score to that of what is evaluated, and the averages, for each stem.

    Args:
        results: The scores. Of several evaluated methods, lines go from one to the next; oracles are left out.
        metric: Which of the metrics.
        title: Heading of the picture.

    Returns:
        A figure of 4.5 inches of height, and of 9 of width or more for many methods.
    """
    from matplotlib.collections import LineCollection

    shown = [of for of in results.evaluations if of.kind in ("mixture", *EVALUATED) and metric in of.metrics]
    figure, axes = empty_figure(results, shown, metric, title, height=4.5, slot=0.75)
    for columns in columns_by_stem(results, shown, metric):
        for one, other in pairwise(columns):
            both = [song for song in one.songs if song in other.songs]
            lines = [[(one.x, one.songs[song]), (other.x, other.songs[song])] for song in both]
            axes.add_collection(LineCollection(lines, color=LIGHT.faint, alpha=0.3, linewidth=0.8, zorder=0))
        for column in (column for column in columns if column.songs):
            axes.scatter([column.x] * len(column.songs), column.values, s=18, color=column.colour, linewidths=0)
            _draw_average(axes, column, outwards=-1 if column is columns[0] and len(columns) > 1 else 1)
    return figure


def _range(columns: Sequence[Column]) -> tuple[float, float]:
    """The dB to show: all whiskers, and songs not too far beyond them."""
    if not columns:
        return 0.0, 1.0
    lowest = min(column.whiskers[0] for column in columns)
    highest = max(column.whiskers[1] for column in columns)
    reach = BEYOND * (highest - lowest)
    near = [db for column in columns for db in column.values if lowest - reach <= db <= highest + reach]
    room = max(0.0, 1.0 - (max(near) - min(near))) / 2  # dB, so that scores which are all alike have an axis
    return min(near) - room, max(near) + room


def _draw_box(axes: "Axes", column: Column) -> None:
    """The middle half of the songs, their median, and whiskers."""
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
    """A dot for each song, spread over the width; those out of sight are arrows at the edge."""
    few = len(column.songs) < BOX_FROM
    size, alpha = (34.0, 1.0) if few else (min(max(500 / len(column.songs), 5.0), 14.0), 0.7)
    spread = 0.0 if few else 0.46 * column.width
    places: dict[str, list[tuple[float, float]]] = {"o": [], "v": [], "^": []}
    for n, db in enumerate(column.values):
        marker = "v" if db < low else "^" if db > high else "o"
        places[marker].append((column.x + spread * ((n * GOLDEN) % 1 - 0.5), min(max(db, low), high)))
    for marker, points in places.items():
        if points:
            xs, ys = zip(*points, strict=True)
            area = size if marker == "o" else 28.0
            axes.scatter(xs, ys, area, column.colour, marker=marker, alpha=alpha, linewidths=0, zorder=3)


def _draw_number(axes: "Axes", column: Column, high: float) -> None:
    """The average above all that is drawn of the column."""
    axes.annotate(
        decibels(column.average),
        (column.x, min(column.values[-1], high)),
        (0, 7),
        textcoords="offset points",
        color=LIGHT.text if column.compared else LIGHT.faint,
        fontsize=9,
        fontweight="bold" if column.compared else "normal",
        ha="center",
        bbox=LABEL,
    )


def _draw_average(axes: "Axes", column: Column, outwards: int) -> None:
    """A bar through the dots, with its value on the left (-1) or the right (1)."""
    reach = 0.25 * column.width
    axes.hlines(column.average, column.x - reach, column.x + reach, color=column.colour, linewidth=3)
    axes.annotate(
        decibels(column.average),
        (column.x + outwards * reach, column.average),
        (4 * outwards, 0),
        textcoords="offset points",
        color=LIGHT.text if column.compared else LIGHT.faint,
        fontsize=11,
        ha="left" if outwards > 0 else "right",
        va="center",
        bbox=LABEL,
    )


def _note(metric: str, columns: Sequence[Column], low: float, high: float) -> str:
    """What is what in `box_figure`: a line about boxes, if there are any, and one about songs."""
    songs = ["dot: a song", f"number: {'median' if metric in FRAMEWISE else 'mean'} over songs"]
    if away := sum(not low <= db <= high for column in columns for db in column.values):
        songs.append(f"arrow: a song out of sight ({away})")
    boxes = [
        "box: middle half of the songs",
        "line: their median",
        f"whiskers: to the last song within {WHISKER} boxes",
    ]
    drawn = any(len(column.songs) >= BOX_FROM for column in columns)
    return "\n".join("   ·   ".join(parts) for parts in ([boxes, songs] if drawn else [songs]))
