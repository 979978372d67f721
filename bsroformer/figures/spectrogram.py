"""Spectrograms over log frequency, for all figures of sound."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from bsroformer.figures.style import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

LOWEST_HZ = 40.0
HIGHEST_HZ = 16_000.0
"""Limit of MUSDB18's AAC."""
RANGE_DB = 70.0
"""Range below the loudest point of the mixture."""
BANDS = 256
"""Rows of a spectrogram, equally spaced in log frequency."""
N_FFT = 4096
"""Window that resolves the harmonics of a voice and keeps drum hits sharp, in samples at 44.1 kHz."""
HOP = 512


def draw_spectrogram(axes: "Axes", signal: Tensor, sample_rate: int, loudest: float) -> "AxesImage":
    """Draw a signal (c t) over seconds and log10 of the frequency.

    Levels are in dB below the power ``loudest``.
    """
    power = band_power(signal, sample_rate) / max(loudest, torch.finfo(torch.float32).tiny)
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
    axes.tick_params(colors=LIGHT.faint, labelsize=9, length=2)
    axes.spines[:].set_visible(False)
    return image


def band_power(signal: Tensor, sample_rate: int, hop: int = HOP) -> Tensor:
    """Compute the power in bands of log frequency: (c t) -> (band m).

    Frames are `hop` samples apart.
    """
    signal = F.pad(signal.float(), (0, max(0, N_FFT - signal.shape[-1])))
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(signal, N_FFT, hop, window=window, center=False, return_complex=True)  # c f m
    energies = (channel.real.square() + channel.imag.square() for channel in spectrum)  # far faster than abs()
    power = sum(energies, torch.zeros(())) / len(spectrum)  # f m; by energy, so that no channels cancel

    return _filters(sample_rate) @ power


@lru_cache(maxsize=2)
def _filters(sample_rate: int) -> Tensor:
    """Create triangular filters from bins to bands, (band f)."""
    lowest, highest = _frequency_range(sample_rate)
    bins = torch.linspace(0, sample_rate / 2, N_FFT // 2 + 1)
    centres = torch.logspace(math.log10(lowest), math.log10(highest), BANDS)[:, None]
    to_next = centres * math.log(highest / lowest) / (BANDS - 1)
    reach = to_next.clamp(min=sample_rate / N_FFT)  # where bands are closer than bins, interpolate
    triangles = (1 - (bins - centres).abs() / reach).clamp(min=0)  # band f
    return triangles / triangles.sum(dim=1, keepdim=True)


def _frequency_range(sample_rate: int) -> tuple[float, float]:
    return LOWEST_HZ, min(HIGHEST_HZ, sample_rate / 2)


def add_colour_bar(figure: "Figure", image: "AxesImage", aspect: float = 45) -> None:
    """Add the scale of colours in a bar `aspect` times as high as wide."""
    bar = figure.colorbar(image, ax=figure.axes, pad=0.01, aspect=aspect)
    bar.ax.yaxis.set_major_formatter("{x:g} dB")
    bar.ax.tick_params(colors=LIGHT.faint, labelsize=9, length=2)
    bar.outline.set_visible(False)
