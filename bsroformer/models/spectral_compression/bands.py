"""Musical bands, and the attention bias towards the bins of each."""

import math

import torch
from torch import Tensor

Band = tuple[int, int]
"""The first bin of a band, and the bin after its last."""


def musical_bands(count: int, n_fft: int) -> list[Band]:
    """Lay overlapping bands of equal width in octaves (arXiv 2309.02539, musical bands).

    The centres lie at equal distances in octaves from bin 1 to the last bin, ``n_fft // 2``. A band reaches from its
    centre, divided by a factor, to its centre times that factor: the `count`-th part of this range. The ends are
    rounded outwards, and the lowest band also holds bin 0.

    Args:
        count: Number of bands, at least 2.
        n_fft: Length of the Fourier transform, samples.
    """
    highest = n_fft // 2
    factor = highest ** (1 / count)
    bands = []
    for number in range(count):
        centre = highest ** (number / (count - 1))
        first = math.floor(centre / factor) if number else 0
        last = min(math.ceil(centre * factor), highest)
        bands.append((first, last + 1))
    return bands


def band_bias(bands: list[Band], n_bins: int) -> Tensor:
    """Compute the initial attention bias of each band for each bin: ``(k f)`` (arXiv 2602.08671, positional bias).

    Outside a band it falls by 1 for each bin, as in ALiBi (arXiv 2108.12409). Inside, it falls from 0 at the centre to
    almost -1 at the edges.
    """
    bins = torch.arange(n_bins)
    first, end = torch.tensor(bands).T.unsqueeze(2)  # (k 1) each
    below = (first - bins).clamp(min=0)
    above = (bins - (end - 1)).clamp(min=0)
    outside = below + above
    centre = (first + end) // 2
    half_width = (end - first) // 2 + 1
    inside = (bins - centre).abs() / half_width
    return -torch.where(outside > 0, outside, inside)
