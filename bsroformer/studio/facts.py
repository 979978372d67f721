"""What a page is told of a song."""

import math
import time
from collections.abc import Sequence
from typing import Any

from bsroformer.figures.style import FAINT, stem_colour
from bsroformer.studio.downloads import formats_of
from bsroformer.studio.job import Job, Wish
from bsroformer.studio.limits import Limits
from bsroformer.studio.listening import HEADROOM, SLICES
from bsroformer.studio.pictures import ROWS

Facts = dict[str, Any]
"""Plain data, for JSON."""
MIXTURE = "mixture"


class Pace:
    """How long separations take here, from those that were."""

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}

    def learn(self, wish: Wish, seconds: float, taken: float) -> None:
        """Keep what a second of music took, for each checkpoint."""
        self._taken[wish.checkpoint] = taken / max(seconds * wish.times, 1e-9)

    def needed(self, job: Job) -> float | None:
        """Seconds until a job ends once it has begun; None if that cannot be known yet."""
        if job.seconds is None:
            return None
        if job.begun is not None and job.done > 0:
            return max(0.0, job.seconds - job.done) * (time.monotonic() - job.begun) / job.done
        pace = self._taken.get(job.wish.checkpoint)
        return None if pace is None else job.seconds * job.wish.times * pace


def facts_of(job: Job, before: Sequence[Job], pace: Pace, limits: Limits) -> Facts:
    """What a page shows of a song.

    Args:
        job: The song.
        before: The songs before it, if it waits.
        pace: How long separations take here.
        limits: How long stems are kept.

    Returns:
        Plain data: ``state``, ``message``, ``notes``, ``successor`` (token of the song that took its place); of one
        that waits ``place`` (songs before it) and ``wait`` (seconds, None if not known); ``done``, ``total`` (seconds
        of music), ``left`` (seconds), ``speed`` (seconds of music in one); ``tracks``; and, once it is begun, what can
        be heard of it.
    """
    now, waits = time.monotonic(), [pace.needed(other) for other in before]
    at_work = job.state == "separating" and job.begun is not None and job.done > 0
    return {
        "token": job.token,
        "title": job.wish.title,
        "checkpoint": job.wish.checkpoint,
        "state": job.state,
        "message": job.message,
        "notes": job.notes,
        "successor": job.successor,
        "place": len(before) if job.state == "waiting" else 0,
        "wait": None if None in waits or job.state != "waiting" else math.fsum(filter(None, waits)),
        "done": job.seconds if job.state == "done" else job.done,
        "total": job.seconds,
        "left": pace.needed(job) if at_work else None,
        "speed": job.done / (now - job.begun) if at_work and job.begun is not None else None,
        "tracks": tracks_of(job.wish),
        "expires": None if job.finished is None else max(0.0, job.finished + 60 * limits.keep_minutes - now),
        **_heard(job),
    }


def tracks_of(wish: Wish) -> list[dict[str, str]]:
    """Name and colour of each track."""
    stems = [{"name": name, "colour": stem_colour(number)} for number, name in enumerate(wish.names)]
    return [{"name": MIXTURE, "colour": FAINT}, *stems]


def _heard(job: Job) -> Facts:
    """What there is to hear and see: of a song that was cancelled or failed, the part that was done."""
    heard = job.heard
    rate = heard.sample_rate if heard else None
    return {
        "sample_rate": rate,
        "segment_seconds": heard.size / heard.sample_rate if heard else None,
        "segments": heard.segments if heard else 0,
        "seconds": heard.seconds if heard else 0.0,
        "headroom": HEADROOM,
        "picture_rows": ROWS,
        "peaks_per_segment": SLICES,
        "formats": list(formats_of(job.sample_rate)) if job.sample_rate else [],
    }
