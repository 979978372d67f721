"""Find series of levels that rise and fall together, at any lag.

Each is correlated with each by FFT.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Advance = Callable[[int], object]
"""Called with how much more of the work is done."""
Values = NDArray[np.float64]

WINDOW = np.bartlett(11)[1:-1] / 5
"""Smooths levels over 9 hops, 0.1 s at half its height: a shift of half a hop then changes little."""
FLOOR_DB = -40.0
"""Level below a stem's loudest at which all quieter levels are equal."""
SPREAD_DB = 0.1
"""Least deviation of levels: a steady tone is like any other."""
ALIKE = 0.95
"""Correlation of levels: at least 0.96 for a copy of a demo song's stem with a shift of half a hop; up to 0.99 for
different basses of these songs."""
OVERLAP = 0.5
"""Least share of the shorter series that overlaps."""
MAX_CACHED_BYTES = 2**28
"""Size of cached spectra and sums: those of 600 songs of 4 minutes."""
REPORTED_WORK = 2**20
"""Least work between two reports: 0.1 s."""


def smooth_levels(power: NDArray[np.float32]) -> Values:
    """Compute the levels of a stem in dB of its loudest: (hops) -> (hops - 8)."""
    smooth = np.convolve(power.astype(np.float64), WINDOW, "valid")
    return 10 * np.log10(np.maximum(smooth / smooth.max(), 10 ** (FLOOR_DB / 10)))


def work_of(hops: Sequence[int]) -> int:
    """Compute the work of `correlated_pairs`.

    It is the sum of the smoothed lengths of both series of each pair.
    """
    smoothed = sum(hops) - len(hops) * (len(WINDOW) - 1)
    return max(0, len(hops) - 1) * smoothed


def correlated_pairs(levels: Sequence[Values], advance: Advance) -> list[tuple[int, int, int]]:
    """Find pairs that correlate: (one, other, lag of the other).

    The shorter series may be a part of the longer one. An FFT is as long as the two need, and not as the longest of
    all: with the series in the order of their lengths, two sizes are in use at a time.

    Args:
        levels: Series (t) of any lengths.
        advance: Called now and then with how much of their `work_of` is done.
    """
    order = sorted(range(len(levels)), key=lambda number: len(levels[number]))
    cache = SeriesCache(levels)
    pairs = []
    work = 0
    for position, longer in enumerate(order):
        cache.drop_below(fft_size(len(levels[longer]), 1))
        for shorter in order[:position]:
            one, other = sorted((shorter, longer))
            size = fft_size(len(levels[longer]), len(levels[shorter]))
            score, lag = best_lag(cache.get(one, size), cache.get(other, size), size)
            if score >= ALIKE:
                pairs.append((one, other, lag))
            work += len(levels[longer]) + len(levels[shorter])
            if work >= REPORTED_WORK:
                advance(work)
                work = 0
    advance(work)
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))


def fft_size(length: int, other: int) -> int:
    """Compute the power of two that holds all lags of two series."""
    return 1 << (length + other - 2).bit_length()


@dataclass(frozen=True)
class Series:
    """A series without its mean, ready to be correlated.

    Attributes:
        length: Length of the series.
        spectrum: Its FFT.
        sums: Cumulative sums of its values, from 0.
        squares: Cumulative sums of their squares, from 0.
    """

    length: int
    spectrum: NDArray[np.complex128]
    sums: Values
    squares: Values

    @classmethod
    def of(cls, values: Values, size: int) -> "Series":
        """Prepare a series (t) for an FFT of a size."""
        centred = values - values.mean()
        return cls(len(values), np.fft.rfft(centred, size), _cumulative(centred), _cumulative(centred * centred))

    @property
    def bytes(self) -> int:
        """Size in memory."""
        return self.spectrum.nbytes + self.sums.nbytes + self.squares.nbytes


def _cumulative(values: Values) -> Values:
    return np.concatenate([[0.0], np.cumsum(values)])


class SeriesCache:
    """Prepares series on first use, and keeps as many as its size allows."""

    def __init__(self, levels: Sequence[Values]) -> None:
        self._levels = levels
        self._cached: dict[tuple[int, int], Series] = {}
        self._free = MAX_CACHED_BYTES

    def get(self, number: int, size: int) -> Series:
        """Return a series for an FFT of a size."""
        series = self._cached.get((number, size))
        if series is None:
            series = Series.of(self._levels[number], size)
            if series.bytes <= self._free:
                self._cached[number, size] = series
                self._free -= series.bytes
        return series

    def drop_below(self, size: int) -> None:
        """Drop the series for smaller FFTs, which are not needed any more."""
        for key in list(self._cached):
            if key[1] < size:
                self._free += self._cached.pop(key).bytes


def best_lag(one: Series, other: Series, size: int) -> tuple[float, int]:
    """Find the best lag of two series, and Pearson's coefficient there.

    It is that of the values where they overlap.

    Args:
        one: A series (t).
        other: Another (u); its first value is put at the lag in `one`.
        size: Size of the FFT, t + u - 1 or more.
    """
    least = max(1, round(OVERLAP * min(one.length, other.length)))
    lags = np.arange(least - other.length, one.length - least + 1)
    begin = np.maximum(lags, 0)
    end = np.minimum(one.length, other.length + lags)
    count = end - begin
    x = one.sums[end] - one.sums[begin]
    y = other.sums[end - lags] - other.sums[begin - lags]
    xx = one.squares[end] - one.squares[begin] - x * x / count
    yy = other.squares[end - lags] - other.squares[begin - lags] - y * y / count
    cross = np.fft.irfft(one.spectrum * other.spectrum.conj(), size)[lags]  # a lag below 0 counts from the end
    xy = cross - x * y / count
    usable = np.minimum(xx, yy) > SPREAD_DB**2 * count
    norm = np.sqrt(np.where(usable, xx * yy, 1))
    scores = np.where(usable, xy / norm, -1)
    best = int(scores.argmax())
    return float(scores[best]), int(lags[best])
