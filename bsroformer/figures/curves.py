"""The curves of a training run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bsroformer.figures.style import BACKGROUND, FAINT, TEXT, stem_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Mapping[int, Mapping[str, float]]
LOSS = "train/loss"
SMALL = {
    "train/learning_rate": "learning rate",
    "train/gradient_norm": "gradient norm, unclipped",
    "train/audio_seconds_per_second": "seconds of audio per second",
}
"""Metrics with a small panel of their own, where they are logged."""
NOT_TERMS = {LOSS, "train/memory_gib", "train/skipped_steps", *SMALL}
HIGH = "train/gradient_norm"
"""Of many sizes, and so on a logarithmic scale."""


def curves_figure(rows: Rows, stems: Sequence[str], score: str = "val/si_sdr", label: str = "SI-SDR") -> "Figure":
    """Draw a score of each stem and the loss, and below, small, what else was logged, over the steps.

    Args:
        rows: Optimiser step -> metric -> value, as logged by `SeparationModule` and `Throughput`.
        stems: Names of the stems.
        score: Name of the score; that of a stem has ``_<stem>`` after it.
        label: How it is written.

    Returns:
        A figure of 12 x 8 inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), facecolor=BACKGROUND, layout="constrained")
    small = [name for name in SMALL if any(name in row for row in rows.values())]
    grid = figure.add_gridspec(2, 1, height_ratios=(1.5, 1), hspace=0.06)
    large, below = grid[0].subgridspec(1, 2), grid[1].subgridspec(1, 1 + len(small))
    scores, loss = (figure.add_subplot(large[n], facecolor=BACKGROUND) for n in range(2))
    terms, *panels = (figure.add_subplot(below[n], facecolor=BACKGROUND) for n in range(1 + len(small)))
    by_stem = {f"{score}_{stem}": stem for stem in stems}
    _draw(scores, rows, by_stem, f"validation {label} (dB)")
    _draw(scores, rows, {score: "mean"}, colour=TEXT)
    _draw(loss, rows, {LOSS: "training", "val/loss": "validation"}, "loss")
    names = sorted({name for row in rows.values() for name in row if name.startswith("train/")} - NOT_TERMS)
    labels = {name: name.removeprefix("train/") for name in names}
    _draw(terms, rows, labels, "terms of the loss, unweighted", size=10)
    terms.set_yscale("symlog", linthresh=0.01)
    for n, (axes, name) in enumerate(zip(panels, small, strict=True)):
        _draw(axes, rows, {name: ""}, SMALL[name], stem_colour(n + 2), size=10)
        if name == HIGH:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter("")
        else:
            axes.set_ylim(bottom=0)
    return figure


def _draw(
    axes: "Axes", rows: Rows, labels: Mapping[str, str], title: str = "", colour: str | None = None, size: int = 12
) -> None:
    """Draw the metrics that `labels` names, each with its label; few points are marked, or one could not be seen."""
    for n, (name, label) in enumerate(labels.items()):
        points = [(step, row[name]) for step, row in sorted(rows.items()) if name in row]
        if points:
            marker = "o" if len(points) < 15 else ""
            [line] = axes.plot(*zip(*points, strict=True), color=colour or stem_colour(n), label=label)
            line.set(linewidth=1.6, marker=marker, markersize=3.5)
    if title:
        axes.set_title(title, color=TEXT, fontsize=size, loc="left")
    axes.set_xlabel("step", color=FAINT)
    axes.tick_params(colors=FAINT)
    axes.grid(color=FAINT, alpha=0.2)
    axes.spines[:].set_visible(False)
    if any(labels.values()) and axes.lines:
        axes.legend(frameon=False, labelcolor=TEXT, fontsize=9)
