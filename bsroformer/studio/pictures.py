"""Pictures of a segment's tracks, and the numbers that waveforms are drawn from."""

from io import BytesIO

import torch
from torch import Tensor
from torch.nn import functional as F

from bsroformer.figures.spectrogram import band_power

ROWS, COLUMNS = 96, 160
"""Pixels of the picture of a track in a whole segment."""
LOUDEST_DB, RANGE_DB = 45.0, 75.0
"""The power of a band that is shown brightest, above that of a sample at full scale, and what is shown below it. They
do not depend on the song: its loudest moment is not known when its first is shown."""


def peaks(tracks: Tensor, slices: int) -> bytes:
    """The lowest and highest sample of any channel in each of some slices.

    Args:
        tracks: Samples ``(track c t)``; 1 is full scale, and what is beyond is cut off.
        slices: How many to have; fewer if there are fewer samples.

    Returns:
        int8 ``(track slice 2)``, 127 being full scale.
    """
    slices = min(slices, tracks.shape[-1])
    lowest = -F.adaptive_max_pool1d(-tracks.amin(dim=1), slices)
    highest = F.adaptive_max_pool1d(tracks.amax(dim=1), slices)
    scaled = (127 * torch.stack([lowest, highest], dim=-1).clamp(-1, 1)).round()
    return scaled.to(torch.int8).numpy().tobytes()


def spectrograms(tracks: Tensor, sample_rate: int, share: float = 1.0) -> bytes:
    """A picture of all tracks, one below the other, low frequencies at the bottom of each.

    Args:
        tracks: Samples ``(track c t)``.
        sample_rate: In Hz.
        share: How much of a whole segment they are, and the picture is as wide.

    Returns:
        A WebP picture of ``track * ROWS`` by at most `COLUMNS` pixels.
    """
    from matplotlib import colormaps
    from PIL import Image

    columns = max(1, round(COLUMNS * share))
    levels = torch.cat([_levels(track, sample_rate, columns).flip(0) for track in tracks])  # (track row) column
    picture = Image.fromarray(colormaps["magma"](levels.numpy(), bytes=True)[..., :3])
    file = BytesIO()
    picture.save(file, format="webp", quality=80)
    return file.getvalue()


def _levels(track: Tensor, sample_rate: int, columns: int) -> Tensor:
    """Brightness ``(row column)`` from 0 to 1 of samples ``(c t)``, low frequencies first."""
    power = band_power(track, sample_rate, hop=max(1, track.shape[-1] // columns))
    pooled = F.adaptive_avg_pool2d(power[None], (ROWS, columns))[0]
    decibels = 10 * torch.log10(pooled.clamp(min=1e-12))
    return ((decibels - LOUDEST_DB) / RANGE_DB + 1).clamp(0, 1)
