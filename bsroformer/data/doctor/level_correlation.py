"""Which of many series of levels go up and down together, at whatever lag: each with each, by FFT."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Advance = Callable[[int], object]
"""Is told how much more of the work is done."""
Values = NDArray[np.float64]

WINDOW = np.bartlett(11)[1:-1] / 5
"""Smooths levels over 9 hops, 0.1 s at half its height: what half a hop of shift changes is then small."""
FLOOR_DB = -40.0  # below a stem's loudest: what is quieter is as quiet
SPREAD_DB = 0.1  # of levels, at least: a steady tone is like any other
ALIKE = 0.95
"""Correlation of levels: of a copy of a demo song's stem, shifted by half a hop, at least 0.96; of different basses of
these songs up to 0.99."""
OVERLAP = 0.5  # of the shorter series, at least
MOST_KEPT = 2**28  # bytes of spectra and sums that wait for the next pair: those of 600 songs of 4 minutes
STRIDE = 2**20  # work, at least, between two reports: 0.1 s


def smooth_levels(power: NDArray[np.float32]) -> Values:
    """Levels of a stem in dB of its loudest, of its power by hop: (hops) -> (hops - 8)."""
    smooth = np.convolve(power.astype(np.float64), WINDOW, "valid")
    return 10 * np.log10(np.maximum(smooth / smooth.max(), 10 ** (FLOOR_DB / 10)))


def work_of(hops: Sequence[int]) -> int:
    """What `like_pairs` has to do: smoothed lengths of both series of each pair, added up."""
    return max(0, len(hops) - 1) * (sum(hops) - len(hops) * (len(WINDOW) - 1))


def like_pairs(levels: Sequence[Values], advance: Advance) -> list[tuple[int, int, int]]:
    """Pairs that correlate, (one, other, lag): the first before the other, and by how much it comes later.

    The shorter of two may be a part of the longer one. An FFT is as long as the two need, and not as the longest of
    all: with the series in the order of their lengths, two sizes are in use at a time.

    Args:
        levels: Series (t) of any lengths.
        advance: Called now and then with how much of their `work_of` is done.
    """
    order = sorted(range(len(levels)), key=lambda number: len(levels[number]))
    prepared = Prepared(levels)
    found, work = [], 0
    for place, longer in enumerate(order):
        prepared.forget_below(fft_size(len(levels[longer]), 1))
        for shorter in order[:place]:
            one, other = sorted((shorter, longer))
            size = fft_size(len(levels[longer]), len(levels[shorter]))
            score, lag = best_lag(prepared.get(one, size), prepared.get(other, size), size)
            if score >= ALIKE:
                found.append((one, other, lag))
            work += len(levels[longer]) + len(levels[shorter])
            if work >= STRIDE:
                advance(work)
                work = 0
    advance(work)
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


def fft_size(length: int, other: int) -> int:
    """The power of two that holds all lags of two series."""
    return 1 << (length + other - 2).bit_length()


@dataclass(frozen=True)
class Series:
    """A series without its mean, ready to be correlated.

    Attributes:
        length: Of the series.
        spectrum: Its FFT.
        sums: Sums of its first 0, 1, ... values.
        squares: The same of their squares.
    """

    length: int
    spectrum: NDArray[np.complex128]
    sums: Values
    squares: Values

    @classmethod
    def of(cls, values: Values, size: int) -> "Series":
        """Prepare a series (t) for an FFT of a size."""
        centred = values - values.mean()
        sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (centred, centred * centred))
        return cls(len(values), np.fft.rfft(centred, size), sums, squares)

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return self.spectrum.nbytes + self.sums.nbytes + self.squares.nbytes


class Prepared:
    """Series that are prepared when they are needed; as many as there is room for stay so."""

    def __init__(self, levels: Sequence[Values]) -> None:
        self._levels = levels
        self._kept: dict[tuple[int, int], Series] = {}
        self._room = MOST_KEPT

    def get(self, number: int, size: int) -> Series:
        """A series for an FFT of a size."""
        series = self._kept.get((number, size))
        if series is None:
            series = Series.of(self._levels[number], size)
            if series.bytes <= self._room:
                self._kept[number, size] = series
                self._room -= series.bytes
        return series

    def forget_below(self, size: int) -> None:
        """Make room: smaller sizes are not asked for again."""
        for key in [key for key in self._kept if key[1] < size]:
            self._room += self._kept.pop(key).bytes


def best_lag(one: Series, other: Series, size: int) -> tuple[float, int]:
    """The lag at which two series correlate best where they overlap, and Pearson's coefficient there.

    Args:
        one: A series (t).
        other: Another (u); its place 0 is put at the lag in `one`.
        size: Of the FFT, t + u - 1 or more.
    """
    least = max(1, round(OVERLAP * min(one.length, other.length)))
    lags = np.arange(least - other.length, one.length - least + 1)
    begin, end = np.maximum(lags, 0), np.minimum(one.length, other.length + lags)
    count = end - begin
    x, y = one.sums[end] - one.sums[begin], other.sums[end - lags] - other.sums[begin - lags]
    xx = one.squares[end] - one.squares[begin] - x * x / count
    yy = other.squares[end - lags] - other.squares[begin - lags] - y * y / count
    cross = np.fft.irfft(one.spectrum * other.spectrum.conj(), size)[lags]  # a lag below 0 counts from the end
    xy = cross - x * y / count
    usable = np.minimum(xx, yy) > SPREAD_DB**2 * count
    scores = np.where(usable, xy / np.sqrt(np.where(usable, xx * yy, 1)), -1)
    best = int(scores.argmax())
    return float(scores[best]), int(lags[best])
