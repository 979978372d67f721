"""Band layouts: the assignment of the spectrum's bins to bands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bsroformer.errors import InputError


@dataclass(frozen=True)
class WidthGroup:
    """The bands of one width, computed together in one batched matmul."""

    width: int
    """Bins in each of these bands."""
    bands: tuple[int, ...]
    """Their indices in the layout, ascending."""


@dataclass(frozen=True)
class BandLayout:
    """The bins of each band; every bin lies in one or more bands.

    Attributes:
        bins: For each band, the indices of its bins.
        n_bins: Bins of the spectrum, ``n_fft // 2 + 1``.

    Raises:
        InputError: If a band is empty or a bin lies outside the spectrum or in no band.
    """

    bins: tuple[tuple[int, ...], ...]
    n_bins: int

    def __post_init__(self) -> None:
        covered = set(chain.from_iterable(self.bins))
        if not all(self.bins):
            raise InputError("model.bands: a band without bins; use fewer bands, or a larger n_fft")
        missing = set(range(self.n_bins)) - covered
        beyond = covered - set(range(self.n_bins))
        if missing or beyond:
            raise InputError(
                f"model.bands must cover the {self.n_bins} bins of the spectrum (n_fft / 2 + 1) and no others, but "
                f"{len(missing)} are in no band and {len(beyond)} do not exist; change the bands or n_fft"
            )

    def __len__(self) -> int:
        return len(self.bins)

    @cached_property
    def groups(self) -> tuple[WidthGroup, ...]:
        """The bands by width, in order of the first band of each width."""
        by_width: dict[int, list[int]] = {}
        for band, bins in enumerate(self.bins):
            by_width.setdefault(len(bins), []).append(band)
        return tuple(WidthGroup(width, tuple(bands)) for width, bands in by_width.items())

    @cached_property
    def grouped_bands(self) -> tuple[int, ...]:
        """The bands' indices in the order of the groups, one after another."""
        return tuple(chain.from_iterable(group.bands for group in self.groups))

    @cached_property
    def ungrouped_bands(self) -> tuple[int, ...]:
        """Position of each band in `grouped_bands`."""
        return tuple(np.argsort(self.grouped_bands).tolist())

    @cached_property
    def grouped_bins(self) -> tuple[int, ...]:
        """The bins of all bands in the order of the groups, repeated where bands overlap."""
        return tuple(chain.from_iterable(self.bins[band] for band in self.grouped_bands))

    @cached_property
    def in_order(self) -> bool:
        """True if grouping keeps the order of bands and bins, as in the paper's layout."""
        bins_in_order = self.grouped_bins == tuple(range(self.n_bins))
        bands_in_order = self.grouped_bands == tuple(range(len(self)))
        return bins_in_order and bands_in_order

    def bands_per_bin(self) -> Tensor:
        """Count the bands that hold each bin: ``(f)``."""
        return torch.tensor(np.bincount(self.grouped_bins, minlength=self.n_bins))


def fixed_bands(widths: Sequence[int], n_bins: int) -> BandLayout:
    """Lay bands of given widths side by side (arXiv 2309.02612, section 3.1).

    Args:
        widths: Bins in each band, from the lowest band up.
        n_bins: Bins of the spectrum.

    Raises:
        InputError: If the widths do not sum to ``n_bins``.
    """
    if sum(widths) != n_bins:
        raise InputError(
            f"model.bands.widths sum to {sum(widths)}, but a spectrum of n_fft {2 * (n_bins - 1)} has {n_bins} bins; "
            "change the widths or audio.n_fft"
        )
    edges = accumulate(widths, initial=0)
    bins = tuple(tuple(range(low, high)) for low, high in pairwise(edges))
    return BandLayout(bins, n_bins)


def mel_bands(count: int, n_fft: int, sample_rate: int) -> BandLayout:
    """Lay overlapping bands along the mel scale (arXiv 2310.01809, section 2).

    A band holds the bins where its Slaney mel filter is above zero. The first and the last bin, where all filters
    are zero, go to the first and the last band.

    Args:
        count: Number of bands, 60 in the paper.
        n_fft: Length of the Fourier transform, samples.
        sample_rate: Hz.

    Raises:
        InputError: If some bin lies in no band (too many bands for this ``n_fft`` leave gaps).
    """
    ranges = mel_ranges(count, n_fft, sample_rate)
    bins = tuple(tuple(range(first, end)) for first, end in ranges)
    return BandLayout(bins, n_fft // 2 + 1)


def mel_ranges(count: int, n_fft: int, sample_rate: int) -> list[tuple[int, int]]:
    """Compute the first bin of each mel band, and the bin after its last."""
    edges = slaney_edges(count, sample_rate / 2)
    hertz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    first = np.searchsorted(hertz, edges[:-2], side="right")
    end = np.searchsorted(hertz, edges[2:], side="left")
    first[0] = 0
    end[-1] = len(hertz)
    return list(zip(first.tolist(), end.tolist(), strict=True))


def slaney_edges(count: int, highest: float) -> NDArray[np.float64]:
    """Compute the edges of triangular mel filters: ``(count + 2)`` Hz, float64.

    Filter ``k`` of `count`, from 0 to `highest` Hz, starts, peaks and ends at the edges ``k``, ``k + 1`` and ``k + 2``.

    Slaney's mel scale (Auditory Toolbox, Interval Research 1998-010): 15 mels in the first 1000 Hz, then 27 for each
    factor of 6.4. The precision is double, as in the public implementation's librosa: single precision moves edges
    across bins.
    """
    per_mel = math.log(6.4) / 27
    top = 15 * highest / 1000 if highest < 1000 else 15 + math.log(highest / 1000) / per_mel
    mels = np.linspace(0, top, count + 2)
    return np.where(mels < 15, 1000 / 15 * mels, 1000 * np.exp(per_mel * (mels - 15)))
