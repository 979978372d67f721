"""Separate songs whose stems are known, and score the result, with one song in memory at a time."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from bsroformer.data.tracks import Track
from bsroformer.errors import InputError
from bsroformer.evaluation.scores import BSS_METRICS, METRICS, Evaluation, Scores, SongScores
from bsroformer.metrics import bss_eval as museval_scores
from bsroformer.metrics import bss_eval_available, framewise_sdr, median_over_frames, sdr, si_sdr, silent


def evaluate(
    separate: Callable[[Tensor], Tensor],
    tracks: Iterable[Track],
    stems: Sequence[str],
    sample_rate: int,
    metrics: Sequence[str] = METRICS,
    bss_eval: bool = False,
    on_song: Callable[[Track, Tensor, SongScores], None] | None = None,
) -> Evaluation:
    """Separate every song and score every stem.

    Args:
        separate: Gives the stems of a mixture: (c t) -> (n c t), in the order of ``stems``.
        tracks: The songs. They may have more stems than the separator, in any order.
        stems: Names of the separator's stems.
        sample_rate: Of songs and estimates, in Hz.
        metrics: Which of SI-SDR, SI-SDRi, uSDR and cSDR to report.
        bss_eval: Add SIR, SAR and ISR, for which museval takes about as long as the music lasts.
        on_song: Called after each song with the track, its estimates (n c t) and its scores: the place
            to write the stems and show progress.

    Returns:
        The scores of each song, and from them the averages.

    Raises:
        InputError: If there is no song, a song lacks a stem, an estimate has the wrong shape or is not
            finite, a metric is unknown, or BSS Eval cannot run.
    """
    metrics = (*metrics, *(BSS_METRICS if bss_eval else ()))
    _check_metrics(metrics, stems)
    songs = []
    for track in tracks:
        mixture, targets = _read(track, stems, sample_rate)
        with torch.no_grad():
            estimates = separate(mixture).to(targets.device)
            _check_estimates(estimates, targets, track.name)
            songs.append(score_song(track.name, estimates, targets, mixture, stems, sample_rate, metrics))
        if on_song:
            on_song(track, estimates, songs[-1])
        del mixture, targets, estimates  # so that no two songs are in memory while the next is read
    if not songs:
        raise InputError("There is no song to evaluate: check the data folder and the split.")
    return Evaluation(tuple(stems), metrics, tuple(songs))


def score_song(
    name: str,
    estimates: Tensor,
    targets: Tensor,
    mixture: Tensor,
    stems: Sequence[str],
    sample_rate: int,
    metrics: Sequence[str] = METRICS,
) -> SongScores:
    """Score the estimated stems of one song, and the mixture in their place.

    Args:
        name: Name of the song.
        estimates: Estimated stems, (n c t).
        targets: True stems, (n c t).
        mixture: The song, (c t).
        stems: Names of the stems.
        sample_rate: In Hz.
        metrics: Which of SI-SDR, SI-SDRi, uSDR, cSDR, SIR, SAR and ISR to report; museval takes about as
            long as the music lasts for the last three, which the mixture is not given.

    Returns:
        The song's scores.
    """
    bss_eval = any(metric in BSS_METRICS for metric in metrics)
    scores, undefined = _score(estimates, targets, sample_rate, bss_eval)
    baseline, _ = _score(mixture.expand_as(targets), targets, sample_rate, bss_eval=False)
    scores["SI-SDRi"] = scores["SI-SDR"] - baseline["SI-SDR"]
    baseline["SI-SDRi"] = baseline["SI-SDR"] - baseline["SI-SDR"]  # zero, or undefined as the rest
    return SongScores(
        song=name,
        seconds=targets.shape[-1] / sample_rate,
        scores=_by_stem(scores, stems, metrics),
        mixture=_by_stem(baseline, stems, [metric for metric in metrics if metric in METRICS]),
        frames=len(undefined),
        undefined_frames=int(undefined.sum()),
    )


def _score(estimates: Tensor, targets: Tensor, sample_rate: int, bss_eval: bool) -> tuple[dict[str, Tensor], Tensor]:
    """Score the stems of a song: metric -> dB (n), and which frames are undefined (frames).

    A stem that is silent throughout has no score, and the others are scored without it; by museval's
    rule it would take the framewise metrics of all the others with it.
    """
    scores = {"SI-SDR": si_sdr(estimates, targets), "uSDR": sdr(estimates, targets)}
    audible = ~silent(targets)  # n
    if not audible.all():
        estimates, targets = estimates[audible], targets[audible]
    frames = _score_frames(estimates, targets, sample_rate, bss_eval)
    for metric, values in frames.items():
        every_stem = values.new_full((len(audible), values.shape[1]), torch.nan)  # n frames
        every_stem[audible] = values
        scores[metric] = median_over_frames(every_stem)
    return scores, frames["cSDR"].isnan().all(dim=0)


def _score_frames(estimates: Tensor, targets: Tensor, sample_rate: int, bss_eval: bool) -> dict[str, Tensor]:
    """Score each second of the stems: metric -> dB (n frames)."""
    frames = {"cSDR": framewise_sdr(estimates, targets, sample_rate)}
    if bss_eval and len(targets) > 1:
        museval = museval_scores(estimates, targets, sample_rate)
        frames |= {metric: museval[metric] for metric in BSS_METRICS}
    elif bss_eval:  # a song with one audible stem has no interference to measure
        frames |= {metric: torch.full_like(frames["cSDR"], torch.nan) for metric in BSS_METRICS}
    return frames


def _by_stem(scores: dict[str, Tensor], stems: Sequence[str], metrics: Sequence[str]) -> Scores:
    """Turn metric -> (n) into stem -> metric -> dB."""
    return {stem: {metric: float(scores[metric][n]) for metric in metrics} for n, stem in enumerate(stems)}


def _read(track: Track, stems: Sequence[str], sample_rate: int) -> tuple[Tensor, Tensor]:
    """Read a song: the mixture (c t), and the true stems (n c t) in the separator's order."""
    available = list(track.stems)
    missing = [stem for stem in stems if stem not in available]
    if missing:
        raise InputError(
            f"{track.name!r} has the stems {', '.join(available)} but the separator also gives "
            f"{', '.join(missing)}: evaluate it on songs that have its stems."
        )
    if track.sample_rate != sample_rate:
        raise InputError(
            f"{track.name!r} has {track.sample_rate} Hz but the separator {sample_rate}: resample the songs."
        )
    mixture, targets = track.mixture(), track.all_stems()
    if available != list(stems):
        targets = targets[[available.index(stem) for stem in stems]]
    length = min(mixture.shape[-1], targets.shape[-1])  # streams of a .stem.mp4 may differ by some samples
    return mixture[..., :length], targets[..., :length]


def _check_metrics(metrics: Sequence[str], stems: Sequence[str]) -> None:
    """Refuse before hours of separation what would fail after them."""
    known = (*METRICS, *BSS_METRICS)
    unknown = [metric for metric in metrics if metric not in known]
    if unknown or not metrics:
        raise InputError(f"metrics names {', '.join(unknown) or 'nothing'}: choose from {', '.join(known)}.")
    if set(metrics).isdisjoint(BSS_METRICS):
        return
    if not bss_eval_available():
        raise InputError("SIR, SAR and ISR need museval and FFmpeg (with ffprobe): install them or leave them out.")
    if len(stems) < 2:
        raise InputError("SIR, SAR and ISR need a separator of two stems or more: leave them out for this one.")


def _check_estimates(estimates: Tensor, targets: Tensor, song: str) -> None:
    """A wrong shape or a NaN is the separator's fault, and must not pass for a silent stem."""
    if estimates.shape != targets.shape:
        raise InputError(
            f"The estimates of {song!r} have shape {tuple(estimates.shape)} but its stems "
            f"{tuple(targets.shape)} (stems, channels, samples): separate at the songs' rate and channels."
        )
    if not estimates.isfinite().all():
        raise InputError(f"The estimates of {song!r} hold NaN or infinity: separate in float32.")
