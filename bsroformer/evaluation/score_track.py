"""Scoring of one track's estimates with the registered metrics."""

from collections.abc import Callable

import torch
from torch import Tensor

from bsroformer.audio.activity import is_active
from bsroformer.errors import InputError
from bsroformer.evaluation.scores import TrackScores
from bsroformer.evaluation.track_audio import TrackAudio
from bsroformer.metrics import LIMIT_DB, energy, framewise_metrics, silent, sum_over_blocks, track_metrics

BssEval = Callable[[Tensor, Tensor, int], dict[str, Tensor]]
"""`bsroformer.metrics.bss_eval`, for SIR, SAR and ISR."""


@torch.no_grad()
def score_track(track: TrackAudio, estimates: Tensor, bss_eval: BssEval | None = None) -> TrackScores:
    """Score the estimated stems of one track.

    A stem that is silent throughout has no score, and the others are scored without it; by museval's rule it would
    make the framewise metrics of all others undefined. SI-SDR and SI-SDRi are those of active stems
    (`bsroformer.audio.activity`).

    Args:
        track: The true stems.
        estimates: ``(n c t)``, in the order of ``track.stems``.
        bss_eval: Adds SIR, SAR and ISR, and replaces the quick SDR.

    Raises:
        InputError: If the estimates have another shape.
    """
    if estimates.shape != track.targets.shape:
        raise InputError(
            f"the estimates of {track.name} have shape {tuple(estimates.shape)} but its stems "
            f"{tuple(track.targets.shape)} (stems, channels, samples); separate at the songs' rate and channels"
        )
    whole = _whole_scores(track, estimates)
    frames = _frames(track, estimates, bss_eval)
    return TrackScores(
        song=track.name,
        seconds=track.targets.shape[-1] / track.sample_rate,
        whole={stem: {name: float(db[n]) for name, db in whole.items()} for n, stem in enumerate(track.stems)},
        frames={
            stem: {name: tuple(db[n].tolist()) for name, db in frames.items()} for n, stem in enumerate(track.stems)
        },
    )


def _whole_scores(track: TrackAudio, estimates: Tensor) -> dict[str, Tensor]:
    """Compute the metrics of whole tracks: name -> dB ``(n)``."""
    active = is_active(sum_over_blocks(energy, track.targets), track.targets[0].numel())  # n
    mixture = track.mixture.expand_as(track.targets)
    computed: dict[object, Tensor] = {}  # function -> dB; metrics may share one
    scores = {}
    for metric in track_metrics():
        assert metric.of_track is not None
        if metric.of_track not in computed:
            computed[metric.of_track] = metric.of_track(estimates, track.targets)
        db = computed[metric.of_track]
        if metric.active_stems_only:
            db = db.where(active, torch.nan)
        if metric.above_mixture:
            db = db - metric.of_track(mixture, track.targets)
        scores[metric.name] = db
    return scores


def _frames(track: TrackAudio, estimates: Tensor, bss_eval: BssEval | None) -> dict[str, Tensor]:
    """Compute the metrics of each second: name -> dB ``(n frames)``."""
    audible = ~silent(track.targets)  # n
    targets = track.targets
    if not audible.all():
        estimates = estimates[audible]
        targets = targets[audible]
    scores = {}
    if bss_eval and len(targets) > 1:
        scores = _finite(bss_eval(estimates, targets, track.sample_rate))
    for metric in framewise_metrics():
        if metric.frames and metric.of_seconds and metric.frames not in scores:
            scores[metric.frames] = metric.of_seconds(estimates, targets, track.sample_rate)
    if bss_eval:
        _fill_undefined(scores)
    return {name: _among_all_stems(db, audible) for name, db in scores.items()}


def _fill_undefined(scores: dict[str, Tensor]) -> None:
    """Add NaN for metrics of museval.

    A track with one audible stem has no interference to measure.
    """
    for metric in framewise_metrics():
        if metric.frames and metric.frames not in scores:
            scores[metric.frames] = torch.full_like(scores["SDR"], torch.nan)


def _finite(scores: dict[str, Tensor]) -> dict[str, Tensor]:
    """Limit SDR like the quick one.

    In other values, infinity is undefined, as in museval's files.
    """
    others = {name: db.masked_fill(db.isinf(), torch.nan) for name, db in scores.items() if name != "SDR"}
    return {"SDR": scores["SDR"].clamp(-LIMIT_DB, LIMIT_DB), **others}


def _among_all_stems(scores: Tensor, audible: Tensor) -> Tensor:
    """Insert the scores of audible stems among those of all, ``(n frames)``."""
    every_stem = scores.new_full((len(audible), scores.shape[1]), torch.nan)
    every_stem[audible] = scores
    return every_stem
