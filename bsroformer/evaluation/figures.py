"""A picture of an evaluation's scores."""

import math
from typing import TYPE_CHECKING

from bsroformer.evaluation.scores import Evaluation
from bsroformer.figures.style import BACKGROUND, FAINT, TEXT, stem_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def scores_figure(evaluation: Evaluation, metric: str = "SI-SDR", title: str = "") -> "Figure":
    """Every song as a line from the mixture's score to the separation's, and their averages, for each stem.

    Args:
        evaluation: The scores.
        metric: Which of its metrics to draw; one that the mixture has too.
        title: Heading of the picture.

    Returns:
        A figure of 10 x 4.5 inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), facecolor=BACKGROUND, layout="constrained")
    axes = figure.add_subplot(facecolor=BACKGROUND)
    averages = evaluation.mixture, evaluation.scores
    for n, stem in enumerate(evaluation.stems):
        songs = [(song.mixture[stem][metric], song.scores[stem][metric]) for song in evaluation.songs]
        colours = FAINT, stem_colour(n)
        for side, colour in enumerate(colours):
            x = n + 0.36 * side - 0.18
            axes.scatter([x] * len(songs), [song[side] for song in songs], s=18, color=colour, linewidths=0)
            _draw_average(axes, x, averages[side][stem][metric], colour, align=("right", "left")[side])
        for song in songs:
            axes.plot([n - 0.18, n + 0.18], song, color=FAINT, alpha=0.3, linewidth=0.8, zorder=0)
    axes.set_xticks(
        [n + offset for n in range(len(evaluation.stems)) for offset in (-0.18, 0.18)],
        [label for stem in evaluation.stems for label in ("mixture", stem)],
    )
    axes.set_xlim(-0.6, len(evaluation.stems) - 0.4)
    axes.set_ylabel(f"{metric} (dB)", color=TEXT, fontsize=12)
    axes.tick_params(axis="y", colors=FAINT, length=0)
    axes.tick_params(axis="x", colors=TEXT, length=0, labelsize=11)
    axes.grid(axis="y", color=FAINT, alpha=0.2)
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title, color=TEXT, fontsize=14)
    return figure


def _draw_average(axes: "Axes", x: float, value: float, colour: str, align: str) -> None:
    """Draw a bar through the dots, with its value on the side away from the other column."""
    if math.isnan(value):
        return
    axes.hlines(value, x - 0.1, x + 0.1, color=colour, linewidth=3)
    text_x = x + (0.13 if align == "left" else -0.13)
    axes.text(text_x, value, f"{value:.1f}", color=colour, fontsize=12, ha=align, va="center")
