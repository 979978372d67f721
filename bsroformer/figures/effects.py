"""Spectrograms of a stem before and after each effect."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bsroformer.figures.spectrogram import add_colour_bar, band_power, draw_spectrogram
from bsroformer.figures.style import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WAVEFORM_SECONDS = 0.015
"""Length of a drawn waveform: a few periods of a voice."""


def effects_figure(pairs: Mapping[str, tuple[Tensor, Tensor]], sample_rate: int) -> "Figure":
    """Draw each effect in a row, before at the left and after at the right.

    A colour means the same level everywhere. Where the two spectrograms look the same, as after a change of polarity
    or a swap of channels, the waveform of each channel is drawn instead, where the channels differ most.

    Args:
        pairs: Effect to the stem before and after it, (c t) each; the lengths may differ.
        sample_rate: In Hz.

    Returns:
        A figure 10 inches wide, 1.9 high for each effect.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 0.3 + 1.9 * len(pairs)), facecolor=LIGHT.card, layout="constrained")
    grid = figure.add_gridspec(len(pairs), 2)
    loudest = max(float(band_power(before, sample_rate).max()) for before, _ in pairs.values())
    image = None
    for row, (name, pair) in enumerate(pairs.items()):
        axes = [figure.add_subplot(grid[row, column]) for column in range(2)]
        if same_spectrogram(*pair, sample_rate):
            _draw_waveforms(axes, pair, sample_rate)
        else:
            longest = max(signal.shape[-1] for signal in pair) / sample_rate
            for panel, signal in zip(axes, pair, strict=True):
                image = draw_spectrogram(panel, signal, sample_rate, loudest)
                panel.set_xlim(0, longest)
                panel.set_facecolor(LIGHT.card)
            axes[1].set_yticks([])
        axes[0].set_ylabel(name.replace("_", " "), color=LIGHT.text, fontsize=12)
        for panel in axes:
            panel.xaxis.set_major_formatter("{x:g} s")
    for panel, heading in zip(figure.axes, ("before", "after"), strict=False):
        panel.set_title(heading, color=LIGHT.text, fontsize=12)
    if image is not None:
        add_colour_bar(figure, image, aspect=15 * (len(pairs) + 1))
    return figure


def same_spectrogram(before: Tensor, after: Tensor, sample_rate: int) -> bool:
    """Check that the spectrograms of two signals (c t) look the same."""
    if before.shape != after.shape:
        return False
    return torch.allclose(band_power(before, sample_rate), band_power(after, sample_rate), rtol=1e-2)


def _draw_waveforms(axes: "list[Axes]", pair: tuple[Tensor, Tensor], sample_rate: int) -> None:
    """Draw a short excerpt of both signals (c t), one lane for each channel."""
    before = pair[0]
    channels, frames = before.shape
    size = min(frames, int(WAVEFORM_SECONDS * sample_rate))
    apart = before - before.mean(dim=0)
    centre = int((apart if apart.any() else before).abs().amax(dim=0).argmax())
    start = min(max(0, centre - size // 2), frames - size)
    times = torch.arange(start, start + size) / sample_rate
    lane = 2.2 * float(before.abs().max()) or 1.0
    for panel, signal in zip(axes, pair, strict=True):
        for n, channel in enumerate(signal[:, start : start + size]):
            panel.axhline(-n * lane, color=LIGHT.faint, linewidth=0.5)
            panel.plot(times, channel - n * lane, color=LIGHT.colour(n), linewidth=1)
        panel.set(
            facecolor=LIGHT.card, xlim=(float(times[0]), float(times[-1])), ylim=(lane * (0.5 - channels), lane / 2)
        )
        names = ["left", "right"] if channels == 2 else [f"channel {n + 1}" for n in range(channels)]
        panel.set_yticks([-n * lane for n in range(channels)], names)
        panel.tick_params(colors=LIGHT.faint, labelsize=9, length=2)
        panel.locator_params(axis="x", nbins=4)
        panel.spines[:].set_visible(False)
    axes[1].set_yticks([])
