"""A separation: what a visitor requested, and how far it is."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from bsroformer.audio.files import AudioInfo
from bsroformer.studio.preview import Preview
from bsroformer.studio.workspace import Reservation

State = Literal["waiting", "loading", "separating", "done", "cancelled", "failed"]
FINISHED: tuple[State, ...] = ("done", "cancelled", "failed")
CANCELLED_BY_VISITOR = "Cancelled. Press Separate to start again."
LATE_REQUEST_SECONDS = 3.0
"""After a page was closed, its last requests may still arrive for this long."""


def visitor_of(name: str | None, address: str, kind: Literal["page", "program"]) -> str:
    """Return the key under which a visitor's songs are counted; empty if unknown.

    The key is the name that signed in, else the address. Pages and programs count apart, so that a program cannot
    use up the queue positions of the person beside it.
    """
    visitor = name or address
    return f"{kind} {visitor}" if visitor else ""


def title_of(file: str | Path) -> str:
    """Return the song title that a file name stands for."""
    return Path(file).stem.removesuffix(".stem")  # of a .stem.mp4, which holds the mixture too


@dataclass(frozen=True)
class SeparationRequest:
    """A visitor's request for a separation.

    Attributes:
        source: The song's file.
        title: The song's name, for people.
        checkpoint: Name of the checkpoint in the catalog.
        stems: Stems to compute, in this order.
        rest: Whether to compute the rest too: the mixture minus the stems.
        overlap: See `Separator`.
        shifts: See `Separator`; a whole number, of any type that a program may send.
        visitor: Who asks, see `visitor_of`; empty if unknown.
    """

    source: Path
    title: str
    checkpoint: str
    stems: Sequence[str]
    rest: bool = False
    overlap: float = 0.5
    shifts: float = 1
    visitor: str = ""

    @property
    def file_name(self) -> str:
        """The file's name, for people."""
        return f"{self.title}{self.source.suffix}"

    @property
    def passes(self) -> float:
        """How often each sample is computed."""
        return self.shifts / (1 - self.overlap)

    @property
    def rest_name(self) -> str | None:
        """Name of the rest, if it is wanted."""
        if not self.rest:
            return None
        return f"no_{self.stems[0]}" if len(self.stems) == 1 else "residual"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all stems, the rest last."""
        if self.rest_name is None:
            return tuple(self.stems)
        return (*self.stems, self.rest_name)


@dataclass(eq=False)
class Job:
    """A song in the studio. One thread works on it, others read it.

    Times are by `time.monotonic`.

    Attributes:
        token: The job's secret name in URLs; who knows it may have the stems.
        folder: Folder of all its files.
        request: What is to be done.
        audio: The header of the song's file.
        seconds: Length of the song, if its header has it.
        state: How far it is.
        message: Why it ended without stems.
        notes: Remarks on the stems, as sentences.
        done: Seconds of music that are separated.
        preview: What can be heard so far, once the separation has started.
        files: The stems in the order of ``request.names``; empty until all are complete.
        started_at: When the separation started.
        finished_at: When it ended in one of the states `FINISHED`.
        last_seen: When its page or program last asked about it, see `touch`.
        closed_at: When its page was last closed.
        cancel_reason: Why it is to be cancelled, as a sentence.
        successor: Token of the song that replaced it.
        reservation: Disk space for its stems.
    """

    token: str
    folder: Path
    request: SeparationRequest
    audio: AudioInfo | None = None
    seconds: float | None = None
    state: State = "waiting"
    message: str | None = None
    notes: list[str] = field(default_factory=list)
    done: float = 0.0
    preview: Preview | None = None
    files: tuple[Path, ...] = ()
    started_at: float | None = None
    finished_at: float | None = None
    last_seen: float = field(default_factory=time.monotonic)
    closed_at: float = -math.inf
    cancel_reason: str = ""
    successor: str | None = None
    reservation: Reservation | None = None
    _cancelled: Event = field(default_factory=Event)

    def cancel(self, reason: str = CANCELLED_BY_VISITOR) -> None:
        """Request its end, which comes with the next block; a finished job stays as it is."""
        self.cancel_reason = reason
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether its end was requested."""
        return self._cancelled.is_set()

    def touch(self) -> None:
        """Note that a page or program still asks, unless the page was just closed."""
        now = time.monotonic()
        if now - self.closed_at > LATE_REQUEST_SECONDS:
            self.last_seen = now

    def finish(self, state: State, message: str | None = None) -> None:
        """Enter one of the states `FINISHED`, and release unused disk space."""
        self.state = state
        self.message = message
        self.finished_at = time.monotonic()
        if self.reservation is not None:
            self.reservation.release()
