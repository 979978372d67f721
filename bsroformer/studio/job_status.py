"""The status of a song, as its page shows it."""

import math
import time
from collections.abc import Sequence
from typing import Any

from bsroformer.figures.style import DARK
from bsroformer.studio.downloads import formats_of
from bsroformer.studio.job import Job, SeparationRequest
from bsroformer.studio.job_queue import SpeedEstimator
from bsroformer.studio.limits import Limits
from bsroformer.studio.preview import HEADROOM, PICTURE_ROWS, SLICES

Status = dict[str, Any]
"""Plain data, for JSON."""
MIXTURE = "mixture"


def job_status(job: Job, ahead: Sequence[Job], speed: SpeedEstimator, limits: Limits) -> Status:
    """Describe a song for its page.

    Args:
        job: The song.
        ahead: The songs before it, if it waits.
        speed: How long separations take.
        limits: How long stems are kept.

    Returns:
        Plain data: ``state``, ``message``, ``notes``, ``successor`` (token of the song that replaced it); if it waits,
        ``place`` (songs before it) and ``wait`` (seconds, None if unknown); ``done`` and ``total`` (seconds of music),
        ``left`` (seconds of work), ``speed`` (seconds of music in one second); ``tracks``; ``expires`` (seconds until
        it is deleted); and the fields of `_preview_status`.
    """
    now = time.monotonic()
    expires = None
    if job.finished_at is not None:
        expires = max(0.0, job.finished_at + 60 * limits.keep_minutes - now)
    return {
        "token": job.token,
        "title": job.request.title,
        "checkpoint": job.request.checkpoint,
        "state": job.state,
        "message": job.message,
        "notes": job.notes,
        "successor": job.successor,
        "place": len(ahead) if job.state == "waiting" else 0,
        "wait": _wait(job, ahead, speed),
        "done": job.seconds if job.state == "done" else job.done,
        "total": job.seconds,
        **_progress(job, speed, now),
        "tracks": tracks_of(job.request),
        "expires": expires,
        **_preview_status(job),
    }


def tracks_of(request: SeparationRequest) -> list[dict[str, str]]:
    """Name and colour of each track, the mixture first."""
    stems = [{"name": name, "colour": DARK.colour(number)} for number, name in enumerate(request.names)]
    return [{"name": MIXTURE, "colour": DARK.faint}, *stems]


def _wait(job: Job, ahead: Sequence[Job], speed: SpeedEstimator) -> float | None:
    """Seconds until a waiting song is started; None if unknown."""
    if job.state != "waiting":
        return None
    seconds = [speed.remaining(other) for other in ahead]
    known = [each for each in seconds if each is not None]
    return math.fsum(known) if len(known) == len(seconds) else None


def _progress(job: Job, speed: SpeedEstimator, now: float) -> Status:
    if job.state != "separating" or job.started_at is None or job.done == 0:
        return {"left": None, "speed": None}
    return {"left": speed.remaining(job), "speed": job.done / (now - job.started_at)}


def _preview_status(job: Job) -> Status:
    """Describe the preview; also that of the done part of a cancelled song."""
    preview = job.preview
    return {
        "sample_rate": preview.sample_rate if preview else None,
        "segment_seconds": preview.size / preview.sample_rate if preview else None,
        "segments": preview.segments if preview else 0,
        "seconds": preview.seconds if preview else 0.0,
        "headroom": HEADROOM,
        "picture_rows": PICTURE_ROWS,
        "peaks_per_segment": SLICES,
        "formats": list(formats_of(job.audio.sample_rate)) if preview and job.audio else [],
    }
