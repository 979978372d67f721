"""BSS Eval v4 by museval, for SIR, SAR and ISR.

museval fits 512-tap filters between all stems and channels, which takes as long as the music lasts, mostly on one
processor, and 6.6 GB for four minutes of four stems. Here its operations, the same to the last bit, are computed in
threads and only once (`metrics/museval_in_threads.py`). Its SDR needs no filters, and
:func:`~bsroformer.metrics.framewise_sdr` equals it.
"""

import shutil
import threading
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.hardware import available_memory
from bsroformer.metrics.energy import comparable, silent
from bsroformer.metrics.museval_in_threads import TAPS, Array, Threads, score_frames, size_of_fft
from bsroformer.parallel import processors

BSS_EVAL_VALUES = ("SDR", "ISR", "SIR", "SAR")
"""Values of each second and stem, in museval's order."""

_one_song = threading.Lock()


def bss_eval_available() -> bool:
    """Check that museval and FFmpeg, which it needs at import, are installed."""
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        return False
    try:
        import museval  # noqa: F401
    except Exception:  # of several types: museval, musdb and stempeg each raise their own
        return False
    return True


def bss_eval(
    estimates: Tensor,
    targets: Tensor,
    sample_rate: int,
    threads: int | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Tensor]:
    """Score the stems of a song with museval.

    Frames last one second and do not overlap; filters are fixed in time.

    All processors work on one song. Concurrent calls from several threads wait for each other, so that no more than
    one song's working memory is in use.

    Args:
        estimates: Estimated stems, (n c t).
        targets: True stems, (n c t).
        sample_rate: In Hz; a frame has as many samples.
        threads: Number of threads; by default that of the processors, or fewer if memory is short. The results are the
            same for any number.
        cancelled: Returns true to stop; called in the calling thread before this song's computation, and between FFTs,
            correlations, solutions and frames. Running computations are finished first.

    Returns:
        For each of SDR, ISR, SIR and SAR the dB of every stem and frame, (n frames) float64, as museval has them: not
        limited, and infinite without any error. NaN for all stems in a frame where any stem is silent. One
        that is silent all the time makes everything NaN, where museval would raise a ValueError.

    Raises:
        Cancelled: If ``cancelled`` returned true.
        InputError: If museval cannot run here, the shapes differ, fewer than two stems are given, or memory is short.
    """
    if not bss_eval_available():
        raise InputError("BSS Eval needs museval, and FFmpeg (ffmpeg and ffprobe) on the PATH; install them.")
    estimates, targets = comparable(estimates, targets)
    if len(targets) < 2:
        raise InputError("BSS Eval needs two stems or more, since SIR measures how one is heard in another.")
    if (silent(estimates) | silent(targets)).any():
        frames = max(1, targets.shape[-1] // sample_rate)
        return {name: torch.full((len(targets), frames), torch.nan, dtype=torch.float64) for name in BSS_EVAL_VALUES}

    with _one_song, Threads(threads or threads_for(targets), cancelled) as pool:
        pool.check()
        scores = _scores(estimates, targets, sample_rate, pool)
    return {name: torch.from_numpy(db) for name, db in zip(BSS_EVAL_VALUES, scores, strict=True)}


def _scores(estimates: Tensor, targets: Tensor, sample_rate: int, pool: Threads) -> Array:
    """Score stems (n c t) if they fit in memory: (4 n frames)."""
    needed = bss_eval_memory(targets.shape, threads=1)
    true = targets.detach().cpu().mT.numpy()  # n t c
    estimated = estimates.detach().cpu().mT.numpy()  # n t c
    try:
        if available_memory() < needed:  # Linux would promise more, and kill the process that uses it
            raise MemoryError
        return score_frames(true, estimated, sample_rate, pool)
    except MemoryError as error:
        raise InputError(
            f"BSS Eval of {targets.shape[-1] / sample_rate:.0f} s needs {needed / 1e9:.1f} GB of memory, which are "
            "not free; remove SIR, SAR and ISR from the metrics, which alone need it."
        ) from error


def bss_eval_memory(shape: Sequence[int], threads: int) -> int:
    """Compute the bytes that :func:`bss_eval` needs for stems (n c t).

    The stems themselves are not included.
    """
    stems, channels, samples = shape
    spectrum = 16 * size_of_fft(samples)  # complex numbers
    spectra = spectrum * (stems + 1) * channels // 2  # half of each: of all references, and of one estimate
    matrix = 8 * (stems * channels * TAPS) ** 2
    correlations = spectrum * (1 + 3 * threads)
    return max(spectra + correlations + matrix, 4 * matrix)


def threads_for(targets: Tensor) -> int:
    """Choose the number of threads to score a song (n c t).

    It is that of the processors, or less if memory is short.
    """
    free = available_memory()
    for threads in range(processors(), 1, -1):
        if bss_eval_memory(targets.shape, threads) < free:
            return threads
    return 1
