"""Spectrograms of a separation, drawn without pyplot and its global state."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from bsroformer.figures.style import BACKGROUND, FAINT, TEXT, stem_colour
from bsroformer.metrics import si_sdr

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0  # MUSDB18's AAC holds nothing above 16 kHz
RANGE_DB = 70.0  # shown below the loudest point of the mixture
BANDS = 256  # rows of a spectrogram, equally spaced in log frequency
N_FFT, HOP = 4096, 512  # parts the harmonics of a voice and still keeps drum hits sharp at 44.1 kHz


def separation_figure(
    mixture: Tensor,
    targets: Tensor,
    estimates: Tensor,
    stems: Sequence[str],
    sample_rate: int,
    title: str = "",
    seconds: float = 8.0,
) -> "Figure":
    """Spectrograms of a mixture and, below it, of every stem as it is and as it was separated.

    A colour means the same level everywhere. Of a longer song, the excerpt is shown in which every stem
    is heard best.

    Args:
        mixture: What was separated, (c t).
        targets: True stems, (n c t).
        estimates: Separated stems, (n c t).
        stems: Names of the stems.
        sample_rate: In Hz.
        title: Heading of the picture.
        seconds: Length of the excerpt. The SI-SDR of each stem is that of the excerpt.

    Returns:
        A figure of 10 x 6 inches.
    """
    from matplotlib.figure import Figure

    shown = busiest_excerpt(targets, sample_rate, seconds)
    mixture, targets, estimates = (signal[..., shown].cpu() for signal in (mixture, targets, estimates))
    loudest = float(_band_power(mixture, sample_rate).max())
    scores = si_sdr(estimates, targets).tolist()

    figure = Figure(figsize=(10, 6), facecolor=BACKGROUND, layout="constrained")
    if title:
        figure.suptitle(title, color=TEXT, fontsize=14)
    grid = figure.add_gridspec(3, len(stems), height_ratios=(1.3, 1, 1))
    top = figure.add_subplot(grid[0, :])
    image = _draw_spectrogram(top, mixture, sample_rate, loudest)
    top.xaxis.set_major_formatter("{x:g} s")
    top.set_ylabel("mixture", color=TEXT, fontsize=12)
    for n, stem in enumerate(stems):
        score = "silent" if math.isnan(scores[n]) else f"SI-SDR {scores[n]:.1f} dB"
        rows = ("reference", targets[n], stem), ("separated", estimates[n], score)
        for row, (label, signal, heading) in enumerate(rows, start=1):
            axes = figure.add_subplot(grid[row, n])
            _draw_spectrogram(axes, signal, sample_rate, loudest)
            axes.set_title(heading, color=stem_colour(n), fontsize=12)
            axes.set_xticks([])
            if n == 0:
                axes.set_ylabel(label, color=TEXT, fontsize=12)
            else:
                axes.set_yticks([])
    _add_colour_bar(figure, image)
    return figure


def busiest_excerpt(targets: Tensor, sample_rate: int, seconds: float) -> slice:
    """Find where the quietest stem is loudest, so that every stem is heard in the excerpt.

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
    level = targets.square().mean(dim=1).unfold(-1, length, sample_rate).mean(dim=-1)  # n excerpt
    start = int(level.amin(dim=0).argmax()) * sample_rate
    return slice(start, start + length)


def _draw_spectrogram(axes: "Axes", signal: Tensor, sample_rate: int, loudest: float) -> "AxesImage":
    """Draw (c t) over seconds and log10 of the frequency, in dB below the power ``loudest``."""
    power = _band_power(signal, sample_rate) / max(loudest, torch.finfo(torch.float32).tiny)
    lowest, highest = _frequency_range(sample_rate)
    image = axes.imshow(
        (10 * torch.log10(power)).clamp(min=-RANGE_DB).numpy(),
        extent=(0, signal.shape[-1] / sample_rate, math.log10(lowest), math.log10(highest)),
        vmin=-RANGE_DB,
        vmax=0,
        cmap="magma",
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
    )
    labels = {100: "100 Hz", 1000: "1 kHz", 10_000: "10 kHz"}
    inside = [hertz for hertz in labels if lowest < hertz < highest]
    axes.set_yticks([math.log10(hertz) for hertz in inside], [labels[hertz] for hertz in inside])
    axes.tick_params(colors=FAINT, labelsize=9, length=2)
    axes.spines[:].set_visible(False)
    return image


def _band_power(signal: Tensor, sample_rate: int) -> Tensor:
    """Power in bands that are equally spaced in log frequency: (c t) -> (band m)."""
    signal = F.pad(signal.float(), (0, max(0, N_FFT - signal.shape[-1])))
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(signal, N_FFT, HOP, window=window, center=False, return_complex=True)  # c f m
    power = spectrum.abs().square().mean(dim=0)  # f m; by energy, so that no channels cancel

    lowest, highest = _frequency_range(sample_rate)
    bins = torch.linspace(0, sample_rate / 2, N_FFT // 2 + 1)
    centres = torch.logspace(math.log10(lowest), math.log10(highest), BANDS)[:, None]
    to_next = centres * math.log(highest / lowest) / (BANDS - 1)
    reach = to_next.clamp(min=sample_rate / N_FFT)  # where bands are closer than bins, interpolate
    triangles = (1 - (bins - centres).abs() / reach).clamp(min=0)  # band f
    return (triangles / triangles.sum(dim=1, keepdim=True)) @ power


def _frequency_range(sample_rate: int) -> tuple[float, float]:
    return LOWEST_HZ, min(HIGHEST_HZ, sample_rate / 2)


def _add_colour_bar(figure: "Figure", image: "AxesImage") -> None:
    bar = figure.colorbar(image, ax=figure.axes, pad=0.01, aspect=45)
    bar.ax.yaxis.set_major_formatter("{x:g} dB")
    bar.ax.tick_params(colors=FAINT, labelsize=9, length=2)
    bar.outline.set_visible(False)
