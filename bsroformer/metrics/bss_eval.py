"""BSS Eval v4 by museval itself, for the metrics that need its distortion filters: SIR, SAR and ISR.

museval fits 512-tap filters between all stems and channels, which takes about as long as the music
lasts and gigabytes of memory for a song of four stems. Its SDR needs no filters, and
:func:`~bsroformer.metrics.framewise_sdr` equals it.
"""

import shutil

import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.metrics.energy import comparable, silent

METRICS = ("SDR", "SIR", "SAR", "ISR")


def bss_eval_available() -> bool:
    """Whether museval can run here: installed, with FFmpeg, which it wants at import, on the PATH."""
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        return False
    try:
        import museval  # noqa: F401
    except Exception:  # of several types: museval, musdb and stempeg each raise their own
        return False
    return True


def bss_eval(estimates: Tensor, targets: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Score the stems of a song with museval: frames of one second without overlap, filters fixed in time.

    Args:
        estimates: Estimated stems, (n c t).
        targets: True stems, (n c t).
        sample_rate: In Hz; a frame has as many samples.

    Returns:
        For each of SDR, SIR, SAR and ISR the dB of every stem and frame, (n frames) float64. NaN for all
        stems in a frame where any stem is silent. One that is silent all the time makes everything NaN,
        where museval would raise a ValueError.

    Raises:
        InputError: If museval cannot run here, the shapes differ, or fewer than two stems are given.
    """
    if not bss_eval_available():
        raise InputError("BSS Eval needs museval, and FFmpeg (ffmpeg and ffprobe) on the PATH: install them.")
    estimates, targets = comparable(estimates, targets)
    if len(targets) < 2:
        raise InputError("BSS Eval needs two stems or more, since SIR measures how one is heard in another.")
    if (silent(estimates) | silent(targets)).any():
        frames = max(1, targets.shape[-1] // sample_rate)
        return {name: torch.full((len(targets), frames), torch.nan, dtype=torch.float64) for name in METRICS}

    import museval

    arrays = (stems.mT.double().cpu().numpy() for stems in (targets, estimates))  # n t c, true stems first
    sdr, isr, sir, sar = museval.evaluate(*arrays, win=sample_rate, hop=sample_rate)
    return {name: torch.from_numpy(db) for name, db in zip(METRICS, (sdr, sir, sar, isr), strict=True)}
