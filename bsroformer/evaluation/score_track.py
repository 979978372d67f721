"""The scores of one song's estimates."""

from collections.abc import Callable

import torch
from torch import Tensor

from bsroformer.audio.activity import is_active
from bsroformer.errors import InputError
from bsroformer.evaluation.scores import TrackScores
from bsroformer.evaluation.track_audio import TrackAudio
from bsroformer.metrics import LIMIT_DB, energy, framewise_sdr, sdr, si_sdr, silent, sum_over_blocks

BssEval = Callable[[Tensor, Tensor, int], dict[str, Tensor]]
"""`bsroformer.metrics.bss_eval`, where SIR, SAR and ISR are wanted."""


@torch.no_grad()
def score_track(song: TrackAudio, estimates: Tensor, bss_eval: BssEval | None = None) -> TrackScores:
    """Score the estimated stems of one song.

    A stem that is silent throughout has no score, and the others are scored without it; by museval's rule it would take
    the framewise metrics of all the others with it. SI-SDR and SI-SDRi are those of active stems
    (`bsroformer.audio.activity`).

    Args:
        song: What they should be.
        estimates: ``(n c t)``, in the order of ``song.stems``.
        bss_eval: Adds SIR, SAR and ISR, and gives SDR in the place of the quick one.

    Raises:
        InputError: If the estimates have another shape.
    """
    if estimates.shape != song.targets.shape:
        raise InputError(
            f"the estimates of {song.name} have shape {tuple(estimates.shape)} but its stems "
            f"{tuple(song.targets.shape)} (stems, channels, samples): separate at the songs' rate and channels"
        )
    active = is_active(sum_over_blocks(energy, song.targets), song.targets[0].numel())  # n
    si_sdrs = si_sdr(estimates, song.targets).where(active, torch.nan)
    of_mixture = si_sdr(song.mixture.expand_as(song.targets), song.targets)
    whole = {"uSDR": sdr(estimates, song.targets), "SI-SDR": si_sdrs, "SI-SDRi": si_sdrs - of_mixture}
    frames = _frames(song, estimates, bss_eval)
    return TrackScores(
        song=song.name,
        seconds=song.targets.shape[-1] / song.sample_rate,
        whole={stem: {name: float(db[n]) for name, db in whole.items()} for n, stem in enumerate(song.stems)},
        frames={
            stem: {name: tuple(db[n].tolist()) for name, db in frames.items()} for n, stem in enumerate(song.stems)
        },
    )


def _frames(song: TrackAudio, estimates: Tensor, bss_eval: BssEval | None) -> dict[str, Tensor]:
    """The scores of each second: name -> dB ``(n frames)``."""
    audible = ~silent(song.targets)  # n
    targets = song.targets
    if not audible.all():
        estimates, targets = estimates[audible], targets[audible]
    if bss_eval and len(targets) > 1:
        found = _finite(bss_eval(estimates, targets, song.sample_rate))
    else:
        found = {"SDR": framewise_sdr(estimates, targets, song.sample_rate)}
        if bss_eval:  # a song with one audible stem has no interference to measure
            found |= {name: torch.full_like(found["SDR"], torch.nan) for name in ("SIR", "SAR", "ISR")}
    return {name: _in_place(db, audible) for name, db in found.items()}


def _finite(scores: dict[str, Tensor]) -> dict[str, Tensor]:
    """SDR within the limits of the quick one; of the others, what is infinite is undefined, as in museval's files."""
    others = {name: db.masked_fill(db.isinf(), torch.nan) for name, db in scores.items() if name != "SDR"}
    return {"SDR": scores["SDR"].clamp(-LIMIT_DB, LIMIT_DB), **others}


def _in_place(scores: Tensor, audible: Tensor) -> Tensor:
    """The scores of audible stems among those of all, ``(n frames)``."""
    every_stem = scores.new_full((len(audible), scores.shape[1]), torch.nan)
    every_stem[audible] = scores
    return every_stem
