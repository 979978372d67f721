"""Band layouts: which bins of the spectrum each band holds."""

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
    """The bins of each band; bands may overlap, and every bin lies in one band at least.

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
            raise InputError("model.bands: a band without bins; each band needs at least one")
        missing = set(range(self.n_bins)) - covered
        beyond = covered - set(range(self.n_bins))
        if missing or beyond:
            raise InputError(
                f"model.bands: the bands must cover the {self.n_bins} bins of the spectrum (n_fft / 2 + 1) and no "
                f"others, but they leave out {len(missing)} and name {len(beyond)} that do not exist"
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
        """Where each band stands in `grouped_bands`."""
        return tuple(np.argsort(self.grouped_bands).tolist())

    @cached_property
    def grouped_bins(self) -> tuple[int, ...]:
        """The bins of all bands in the order of the groups; an overlapped bin stands once for each band."""
        return tuple(chain.from_iterable(self.bins[band] for band in self.grouped_bands))

    @cached_property
    def in_order(self) -> bool:
        """Whether grouping leaves bands and bins in their order, 0, 1, 2, ... (as in the paper's layout)."""
        bins_stay = self.grouped_bins == tuple(range(self.n_bins))
        return bins_stay and self.grouped_bands == tuple(range(len(self)))

    def bands_per_bin(self) -> Tensor:
        """How many bands hold each bin: ``(f)``."""
        return torch.tensor(np.bincount(self.grouped_bins, minlength=self.n_bins))


def fixed_bands(widths: Sequence[int], n_bins: int) -> BandLayout:
    """Lay bands of the given widths side by side (BS-RoFormer, arXiv 2309.02612, section 3.1).

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
    return BandLayout(tuple(tuple(range(low, high)) for low, high in pairwise(edges)), n_bins)


def mel_bands(count: int, n_fft: int, sample_rate: int) -> BandLayout:
    """Overlapping bands that follow the mel scale (Mel-Band RoFormer, arXiv 2310.01809, section 2).

    A band holds the bins where its Slaney mel filter is above zero. The first and the last bin, where all filters
    are zero, go to the first and the last band.

    Args:
        count: Number of bands, 60 in the paper.
        n_fft: Length of the Fourier transform, samples.
        sample_rate: Hz.

    Raises:
        InputError: If some bin lies in no band (too many bands for this ``n_fft`` leave gaps).
    """
    n_bins = n_fft // 2 + 1
    return BandLayout(tuple(tuple(range(*ends)) for ends in mel_ranges(count, n_fft, sample_rate)), n_bins)


def mel_ranges(count: int, n_fft: int, sample_rate: int) -> list[tuple[int, int]]:
    """First bin of each mel band, and the bin after its last: see `mel_bands`."""
    edges = slaney_edges(count, sample_rate / 2)
    hertz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    first = np.searchsorted(hertz, edges[:-2], side="right")
    end = np.searchsorted(hertz, edges[2:], side="left")
    first[0], end[-1] = 0, len(hertz)
    return list(zip(first.tolist(), end.tolist(), strict=True))


def slaney_edges(count: int, highest: float) -> NDArray[np.float64]:
    """Where `count` triangular mel filters from 0 to `highest` Hz begin, peak and end: ``(count + 2)`` Hz, float64.

    Slaney's mel scale (Auditory Toolbox, Interval Research 1998-010): 15 mels in the first 1000 Hz, then 27 for each
    factor of 6.4. In double precision, as the public implementation's librosa has it: single precision moves edges
    across bins.
    """
    per_mel = math.log(6.4) / 27
    top = 15 * highest / 1000 if highest < 1000 else 15 + math.log(highest / 1000) / per_mel
    mels = np.linspace(0, top, count + 2)
    return np.where(mels < 15, 1000 / 15 * mels, 1000 * np.exp(per_mel * (mels - 15)))
