"""Curves of a training run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bsroformer.figures.style import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Mapping[int, Mapping[str, float]]
LOSS = "train/loss"
SMALL_PANELS = {
    "train/learning_rate": "learning rate",
    "train/gradient_norm": "gradient norm, unclipped",
    "train/audio_seconds_per_second": "seconds of audio per second",
}
"""Metrics with a small panel of their own, if logged, and its heading."""
NOT_TERMS = {LOSS, "train/memory_gib", "train/skipped_steps", *SMALL_PANELS}
LOGARITHMIC = "train/gradient_norm"
"""Metric on a logarithmic scale."""
MAX_MARKED = 15
"""Number of points from which a curve has no markers."""
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
"""Styles of lines without a stem, and so without a colour of the palette."""


def curves_figure(
    rows: Rows, stems: Sequence[str], score: str = "val/si_sdr", label: str = "SI-SDR", theme: Theme = LIGHT
) -> "Figure":
    """Draw a score of each stem and the loss, and below, small, other metrics.

    Args:
        rows: Optimiser step -> metric -> value, as logged by `SeparationModule` and `Throughput`.
        stems: Names of the stems.
        score: Logged name of the score; that of a stem ends in ``_<stem>``.
        label: Label of the score.
        theme: Colours.

    Returns:
        A figure of 12 x 8 inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), facecolor=theme.card, layout="constrained")
    small = [name for name in SMALL_PANELS if any(name in row for row in rows.values())]
    grid = figure.add_gridspec(2, 1, height_ratios=(1.5, 1), hspace=0.06)
    large = grid[0].subgridspec(1, 2)
    below = grid[1].subgridspec(1, 1 + len(small))
    scores, loss = (figure.add_subplot(large[n], facecolor=theme.card) for n in range(2))
    terms, *panels = (figure.add_subplot(below[n], facecolor=theme.card) for n in range(1 + len(small)))
    curves = [Curve(f"{score}_{stem}", stem, theme.colour(n)) for n, stem in enumerate(stems)]
    _draw(scores, rows, [*curves, Curve(score, "mean", theme.text, width=2.2)], theme, f"validation {label} (dB)")
    both = Curve(LOSS, "training", theme.faint), Curve("val/loss", "validation", theme.text)
    _draw(loss, rows, both, theme, "loss")
    names = sorted({name for row in rows.values() for name in row if name.startswith("train/")} - NOT_TERMS)
    of_loss = []
    for n, name in enumerate(names):
        of_loss.append(Curve(name, name.removeprefix("train/"), theme.text, DASHES[n % len(DASHES)]))
    _draw(terms, rows, of_loss, theme, "terms of the loss, unweighted", size=10)
    terms.set_yscale("symlog", linthresh=0.01)
    for axes, name in zip(panels, small, strict=True):
        _draw(axes, rows, [Curve(name, "", theme.text)], theme, SMALL_PANELS[name], size=10)
        if name == LOGARITHMIC:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter("")
        else:
            axes.set_ylim(bottom=0)
    return figure


@dataclass(frozen=True)
class Curve:
    """A metric over the steps: logged name, label, and style of its line."""

    name: str
    label: str
    colour: str
    dash: Any = "-"
    width: float = 1.6


def _draw(axes: "Axes", rows: Rows, curves: Sequence[Curve], theme: Theme, title: str, size: int = 12) -> None:
    """Draw curves.

    Curves with few points have markers, so that a single point is visible.
    """
    for curve in curves:
        points = [(step, row[curve.name]) for step, row in sorted(rows.items()) if curve.name in row]
        if points:
            marker = "o" if len(points) < MAX_MARKED else ""
            [line] = axes.plot(*zip(*points, strict=True), color=curve.colour, label=curve.label)
            line.set(linewidth=curve.width, linestyle=curve.dash, marker=marker, markersize=3.5)
    axes.set_title(title, color=theme.text, fontsize=size, loc="left")
    axes.set_xlabel("step", color=theme.faint)
    axes.tick_params(which="both", colors=theme.faint)
    axes.grid(color=theme.faint, alpha=0.2)
    axes.spines[:].set_visible(False)
    if axes.lines and any(curve.label for curve in curves):
        axes.legend(frameon=False, labelcolor=theme.text, fontsize=9)
