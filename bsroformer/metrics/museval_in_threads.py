"""museval's BSS Eval v4 in threads, without repeated computations.

The same operations on the same numbers as `museval.evaluate`: its frames, its rule of silence, its criteria, FFTs of
the same lengths and the same calls of LAPACK, so that results are equal to the last bit. That is needed:
for stems without treble, as AAC and MP3 leave them, or with equal channels, the equations for the filters are singular
except for rounding, and additions in another order change SIR and SAR by up to some dB. In museval another number of
BLAS threads has the same effect.

Savings: the spectrum of a reference is computed once a frame, not 20 times; each correlation is computed once; only
half of the spectrum of a real signal is stored; audio becomes float64 a channel or a frame at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement, product
from typing import Any, TypeVar

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import NDArray
from typing_extensions import Self

from bsroformer.errors import Cancelled

Array = NDArray[Any]
Result = TypeVar("Result")

TAPS = 512
"""Length of a distortion filter (Vincent et al. 2006, section III; museval's ``filters_len``)."""


class Threads:
    """Threads for the parts of a computation that its caller may cancel.

    All parts end with it.

    Args:
        count: Number of threads.
        cancelled: Returns true to stop; called in the thread of the computation.
    """

    def __init__(self, count: int, cancelled: Callable[[], bool]) -> None:
        self.cancelled = cancelled
        self.pool = ThreadPoolExecutor(count, "bss_eval")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)

    def check(self) -> None:
        """Raise :class:`Cancelled` if the caller has cancelled."""
        if self.cancelled():
            raise Cancelled

    def map(self, function: Callable[..., Result], *arguments: Iterable[Any]) -> Iterator[Result]:
        """Yield the results in order, with a check after each."""
        for result in self.pool.map(function, *arguments):
            self.check()
            yield result


def score_frames(references: Array, estimates: Array, window: int, threads: Threads) -> Array:
    """Compute SDR, ISR, SIR and SAR of each stem and frame, as museval does.

    Args:
        references: True stems, (n t c) of any float type, none silent throughout.
        estimates: Estimated stems, likewise.
        window: Samples of a frame, and between frames.
        threads: Threads that compute the parts.

    Returns:
        dB, (4 n frames) float64; NaN for all stems of a frame in which one is silent.

    Raises:
        Cancelled: If the threads' caller has cancelled.
    """
    from museval.metrics import Framing

    filters, own_filters = _distortion_filters(references, estimates, threads)
    frames = list(Framing(window, window, references.shape[1]))
    length = frames[0].stop - frames[0].start
    projection = _Projection(filters, own_filters, length)

    def score(frame: slice) -> Array:
        return projection.score(references[:, frame], estimates[:, frame])

    return np.stack(list(threads.map(score, frames)), axis=-1)


def size_of_fft(samples: int) -> int:
    """Compute the size of the FFTs over a whole song."""
    return int(2 ** np.ceil(np.log2(samples + TAPS - 1.0)))


def _distortion_filters(references: Array, estimates: Array, threads: Threads) -> tuple[Array, Array]:
    """Fit least-squares filters from references to estimates.

    They are from all references, and from the true one alone, to each estimate.

    Returns:
        (n n c taps c): estimate, reference, its channel, tap, channel of the estimate; and (n c taps c).
    """
    gram, right = _normal_equations(references, estimates, threads)
    stems, channels = right.shape[1:3]
    block = channels * TAPS
    blocks = [slice(stem * block, (stem + 1) * block) for stem in range(stems)]

    def solve(matrix: Array, one_right: Array) -> Array:
        threads.check()
        return _solve(matrix, one_right.reshape(-1, channels))

    # One after another: LAPACK has its own threads, and concurrent calls would hinder each other.
    filters = [solve(gram, right[stem]) for stem in range(stems)]
    own_filters = [solve(gram[own, own], right[stem, stem]) for stem, own in enumerate(blocks)]
    threads.check()
    return np.stack(filters).reshape(right.shape), np.stack(own_filters).reshape(right.shape[1:])


def _normal_equations(references: Array, estimates: Array, threads: Threads) -> tuple[Array, Array]:
    """Correlate delayed references with each other and with each estimate.

    The shapes are (n c taps)^2 and (n n c taps c).
    """
    stems, samples, channels = references.shape
    size = size_of_fft(samples)

    def spectrum_of(signal: Array) -> Array:
        spectrum: Array = scipy.fft.rfft(signal.astype(np.float64), size)
        return spectrum

    signals = list(product(range(stems), range(channels)))  # reference and its channel
    of_references = threads.map(spectrum_of, (references[j, :, c] for j, c in signals))
    spectra = dict(zip(signals, of_references, strict=True))
    gram = _gram(spectra, stems, channels, threads)
    right = np.zeros((stems, stems, channels, TAPS, channels))
    for stem, estimate in enumerate(estimates):
        of_estimate = list(threads.map(spectrum_of, estimate.T))
        pairs = list(product(signals, range(channels)))
        firsts = [spectra[signal] for signal, _ in pairs]
        seconds = [of_estimate[channel] for _, channel in pairs]
        correlations = threads.map(_correlation, firsts, seconds)
        for ((reference, own_channel), channel), (_, lags) in zip(pairs, correlations, strict=True):
            right[stem, reference, own_channel, :, channel] = lags
    return gram, right


def _gram(spectra: dict[tuple[int, int], Array], stems: int, channels: int, threads: Threads) -> Array:
    """Correlate delayed references with each other: a matrix (n c taps)^2.

    Delays are 0 to 511 samples.
    """
    gram = np.zeros((stems, channels, TAPS, stems, channels, TAPS))
    pairs = list(combinations_with_replacement(spectra, 2))
    lags = threads.map(lambda pair: _correlation(spectra[pair[1]], spectra[pair[0]]), pairs)
    for ((i, ci), (j, cj)), (later, earlier) in zip(pairs, lags, strict=True):
        matrix = scipy.linalg.toeplitz(earlier, r=later)
        gram[j, cj, :, i, ci, :] = matrix
        gram[i, ci, :, j, cj, :] = matrix.T
    return gram.reshape(stems * channels * TAPS, -1)


def _correlation(first: Array, second: Array) -> tuple[Array, Array]:
    """Correlate two signals at lags 0 to 511, and at 0 to -511.

    They are real, given by half of their spectra.
    """
    half = len(first)
    # As museval writes it: NumPy swaps the factors of large arrays, and rounding depends on their order.
    spectrum = first * np.conj(second)
    both = np.empty(2 * half - 2, dtype=np.complex128)
    both[:half] = spectrum
    np.conjugate(spectrum[-2:0:-1], out=both[half:])
    del spectrum
    lags = scipy.fft.ifft(both, overwrite_x=True).real
    return lags[:TAPS].copy(), np.hstack((lags[0], lags[-1:-TAPS:-1]))


def _solve(gram: Array, right: Array) -> Array:
    """Solve for filters by museval's call of LAPACK.

    Two channels are solved at a time, since more are rounded differently.
    """
    regularised = gram.copy()
    regularised[np.diag_indices(len(gram))] += np.finfo(float).eps
    try:
        return np.linalg.solve(regularised, right)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(gram, right)[0]


class _Projection:
    """Scores frames with filters whose spectra are computed once.

    Args:
        filters: (n n c taps c).
        own_filters: (n c taps c).
        length: Samples of a frame.
    """

    def __init__(self, filters: Array, own_filters: Array, length: int) -> None:
        self.length = length
        self.size = scipy.fft.next_fast_len(length + 2 * (TAPS - 1), True)  # as in scipy.signal.fftconvolve
        self.filters = scipy.fft.rfft(np.moveaxis(filters, 3, 4), self.size)  # n n c c f
        self.own_filters = scipy.fft.rfft(np.moveaxis(own_filters, 2, 3), self.size)  # n c c f

    def score(self, references: Array, estimates: Array) -> Array:
        """Score a frame: references and estimates (n t c) -> (4 n)."""
        from museval.metrics import _any_source_silent, _bss_crit, _zeropad

        references = references.astype(np.float64)
        estimates = estimates.astype(np.float64)
        if _any_source_silent(references) or _any_source_silent(estimates):
            return np.full((4, len(references)), np.nan)
        spectra = scipy.fft.rfft(np.moveaxis(references, 1, 2), self.size)  # n c f
        scores = np.empty((4, len(references)))
        for stem, estimate in enumerate(estimates):
            true = _zeropad(references[stem], TAPS - 1)
            spatial = self._project(spectra[stem, None], self.own_filters[stem, None]) - true
            interference = self._project(spectra, self.filters[stem]) - true - spatial
            artifacts = -true - spatial - interference
            artifacts[: self.length] += estimate
            scores[:, stem] = _bss_crit(true, spatial, interference, artifacts, False)
        return scores

    def _project(self, spectra: Array, filters: Array) -> Array:
        """Sum the filtered references: (n c f), (n c c f) -> (t c)."""
        total = np.zeros((filters.shape[2], self.length + TAPS - 1))
        stems, channels, _ = spectra.shape
        for stem, channel in product(range(stems), range(channels)):
            filtered = scipy.fft.irfft(filters[stem, channel] * spectra[stem, channel], self.size)
            total += filtered[:, : total.shape[1]]
        return total.T
