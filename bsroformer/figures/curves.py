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
    by_stem = {f"{SCORE}_{stem}": stem for stem in stems}
    _draw(scores, rows, by_stem, "validation SI-SDR (dB)")
    _draw(scores, rows, {SCORE: "mean"}, colour=TEXT)
    _draw(loss, rows, {LOSS: "training", "val/loss": "validation"}, "loss")
    other = {LOSS, "train/learning_rate", "train/gradient_norm", "train/skipped_steps"}
    names = sorted({name for row in rows.values() for name in row if name.startswith("train/")} - other)
    _draw(terms, rows, {name: name.removeprefix("train/") for name in names}, "terms of the loss, unweighted")
    terms.set_yscale("symlog", linthresh=0.01)
    rates = {"train/learning_rate": "learning rate", "train/gradient_norm": "gradient norm before clipping"}
    _draw(rate, rows, rates, "learning rate, gradient norm")
    rate.set_yscale("log")
    return figure


def _draw(
    axes: "Axes",
    rows: Mapping[int, Mapping[str, float]],
    labels: Mapping[str, str],
    title: str | None = None,
    colour: str | None = None,
) -> None:
    """Draw the metrics that `labels` names, each with its label."""
    for n, (name, label) in enumerate(labels.items()):
        points = [(step, row[name]) for step, row in sorted(rows.items()) if name in row]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour or stem_colour(n), label=label, linewidth=1.6)
    if title:
        axes.set_title(title, color=TEXT, fontsize=12, loc="left")
    axes.set_xlabel("step", color=FAINT)
    axes.tick_params(colors=FAINT)
    axes.grid(color=FAINT, alpha=0.2)
    axes.spines[:].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, labelcolor=TEXT, fontsize=9)
