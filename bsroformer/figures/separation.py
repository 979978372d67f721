"""Spectrograms of a separation, without pyplot and its global state."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bsroformer.figures.spectrogram import add_colour_bar, band_power, draw_spectrogram
from bsroformer.figures.style import LIGHT
from bsroformer.metrics import si_sdr
from bsroformer.text import decibels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


def separation_figure(
    mixture: Tensor,
    targets: Tensor,
    estimates: Tensor,
    stems: Sequence[str],
    sample_rate: int,
    title: str = "",
    seconds: float = 8.0,
) -> "Figure":
    """Draw a mixture and, below it, every true stem and every separated one.

    A colour means the same level everywhere. For a longer song, the excerpt in which every stem is heard best is drawn.

    Args:
        mixture: Mixture, (c t).
        targets: True stems, (n c t).
        estimates: Separated stems, (n c t).
        stems: Names of the stems.
        sample_rate: In Hz.
        title: Heading of the figure.
        seconds: Length of the excerpt. The SI-SDR of each stem is that of the excerpt.

    Returns:
        A figure of 10 x 6 inches.
    """
    from matplotlib.figure import Figure

    excerpt = busiest_excerpt(targets, sample_rate, seconds)
    mixture = mixture[..., excerpt].cpu()
    targets = targets[..., excerpt].cpu()
    estimates = estimates[..., excerpt].cpu()
    loudest = float(band_power(mixture, sample_rate).max())
    scores = si_sdr(estimates, targets).tolist()
    figure = Figure(figsize=(10, 6), facecolor=LIGHT.card, layout="constrained")
    if title:
        figure.suptitle(title, color=LIGHT.text, fontsize=14)
    grid = figure.add_gridspec(3, len(stems), height_ratios=(1.3, 1, 1))
    image = _draw_mixture(figure.add_subplot(grid[0, :]), mixture, sample_rate, loudest)
    for n, stem in enumerate(stems):
        score = "silent" if math.isnan(scores[n]) else f"SI-SDR {decibels(scores[n])}"
        reference = figure.add_subplot(grid[1, n])
        separated = figure.add_subplot(grid[2, n])
        draw_spectrogram(reference, targets[n], sample_rate, loudest)
        draw_spectrogram(separated, estimates[n], sample_rate, loudest)
        _label_panel(reference, stem, "reference" if n == 0 else "")
        _label_panel(separated, score, "separated" if n == 0 else "")
    add_colour_bar(figure, image)
    return figure


def _draw_mixture(axes: "Axes", mixture: Tensor, sample_rate: int, loudest: float) -> "AxesImage":
    image = draw_spectrogram(axes, mixture, sample_rate, loudest)
    axes.xaxis.set_major_formatter("{x:g} s")
    axes.set_ylabel("mixture", color=LIGHT.text, fontsize=12)
    return image


def _label_panel(axes: "Axes", heading: str, label: str) -> None:
    """Set the heading of a stem's panel.

    Only the first one of a row has a label and frequencies.
    """
    axes.set_title(heading, color=LIGHT.text, fontsize=12)
    axes.set_xticks([])
    if label:
        axes.set_ylabel(label, color=LIGHT.text, fontsize=12)
    else:
        axes.set_yticks([])


def busiest_excerpt(targets: Tensor, sample_rate: int, seconds: float) -> slice:
    """Find the excerpt in which the quietest stem is loudest.

    Args:
        targets: Stems, (n c t).
        sample_rate: In Hz.
        seconds: Length of the excerpt.

    Returns:
        The samples of the excerpt, which starts at a whole second; all samples of a shorter song.
    """
    length = int(seconds * sample_rate)
    if targets.shape[-1] <= length:
        return slice(None)
    power = torch.stack([target.square().mean(dim=0) for target in targets])  # n t; one by one, to need less memory
    level = power[power.any(dim=-1)].unfold(-1, length, sample_rate).mean(dim=-1)  # audible excerpt
    if not len(level):
        return slice(0, length)
    start = int(level.amin(dim=0).argmax()) * sample_rate
    return slice(start, start + length)
