"""The curves of a training run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bsroformer.figures.style import BACKGROUND, FAINT, TEXT, stem_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS, SCORE = "train/loss", "val/si_sdr"


def curves_figure(rows: Mapping[int, Mapping[str, float]], stems: Sequence[str]) -> "Figure":
    """Draw the loss and its terms, SI-SDR of each stem, learning rate and gradient norm over the steps.

    Args:
        rows: Optimiser step -> metric -> value, as logged by `SeparationModule`.
        stems: Names of the stems.

    Returns:
        A figure of 12 x 7 inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), facecolor=BACKGROUND, layout="constrained")
    scores, loss, terms, rate = (figure.add_subplot(2, 2, place, facecolor=BACKGROUND) for place in (1, 2, 3, 4))
    _draw(scores, rows, [SCORE, *(f"{SCORE}_{stem}" for stem in stems)], "validation SI-SDR (dB)")
    _draw(loss, rows, [LOSS, "val/loss"], "loss")
    shown = {LOSS, "train/learning_rate", "train/gradient_norm"}
    names = {name for row in rows.values() for name in row if name.startswith("train/")} - shown
    _draw(terms, rows, sorted(names), "terms of the loss, unweighted")
    terms.set_yscale("symlog", linthresh=0.01)
    _draw(rate, rows, ["train/learning_rate", "train/gradient_norm"], "learning rate, gradient norm")
    rate.set_yscale("log")
    return figure


def _draw(axes: "Axes", rows: Mapping[int, Mapping[str, float]], names: Sequence[str], title: str) -> None:
    for n, name in enumerate(names):
        points = [(step, row[name]) for step, row in sorted(rows.items()) if name in row]
        if points:
            label = name.split("/", 1)[1]
            axes.plot(*zip(*points, strict=True), color=stem_colour(n), label=label, linewidth=1.6)
    axes.set_title(title, color=TEXT, fontsize=12, loc="left")
    axes.set_xlabel("step", color=FAINT)
    axes.tick_params(colors=FAINT)
    axes.grid(color=FAINT, alpha=0.2)
    axes.spines[:].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, labelcolor=TEXT, fontsize=9)
