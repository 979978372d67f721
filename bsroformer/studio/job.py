"""A song on its way through the studio."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from bsroformer.studio.listening import Heard
from bsroformer.studio.reserve import Claim

State = Literal["waiting", "loading", "separating", "done", "cancelled", "failed"]
FINISHED: tuple[State, ...] = ("done", "cancelled", "failed")
BY_HAND = "You cancelled it. Separate starts it again."
STRAGGLERS = 3.0
"""Seconds in which questions may still come from a page that was closed; one that lives asks again soon."""


def visitor_of(name: str | None, address: str, kind: Literal["page", "program"]) -> str:
    """What stands for a visitor when songs are counted: who signed in, else the address.

    Pages and programs count apart, so that a program cannot take the places of the person at its side.
    """
    return f"{kind} {name or address}" if name or address else ""


def title_of(file: str | Path) -> str:
    """What a song is called whose file has this name."""
    return Path(file).stem.removesuffix(".stem")  # of a .stem.mp4, which holds the mixture too


@dataclass(frozen=True)
class Wish:
    """What a visitor wants.

    Attributes:
        source: The song's file.
        title: Name of the song, for people.
        checkpoint: Name of the checkpoint on the menu.
        stems: Those to have, in this order.
        rest: Whether what the stems leave of the mixture is wanted too.
        overlap: See `Separator`.
        shifts: See `Separator`; a whole number, of whatever type programs send it as.
        visitor: Stands for the one who asks; empty if unknown. See `visitor_of`.
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
    def name(self) -> str:
        """Of the file, for people."""
        return f"{self.title}{self.source.suffix}"

    @property
    def times(self) -> float:
        """How often each sample is computed."""
        return self.shifts / (1 - self.overlap)

    @property
    def rest_name(self) -> str | None:
        """What the rest is called, if it is wanted."""
        if not self.rest:
            return None
        return f"no_{self.stems[0]}" if len(self.stems) == 1 else "residual"

    @property
    def names(self) -> tuple[str, ...]:
        """Of all stems, the rest last."""
        return (*self.stems, *([self.rest_name] if self.rest_name else []))


@dataclass(eq=False)
class Job:
    """A song, what is to be done with it, and how far that is. One thread works on it, others look.

    Attributes:
        token: Stands for it in addresses; whoever knows it may have its stems.
        folder: Where all of its files are.
        wish: What is to be done.
        seconds: Length of the music, if the header of the file has it.
        state: How far it is.
        message: Why it ended without stems.
        notes: What is worth knowing of the stems.
        done: Seconds of music that are separated.
        heard: How much of it can be heard, once it is begun.
        sample_rate: Of the stems, Hz, which is the file's; what can be heard may have another one.
        files: The complete stems, in the order of the wish's names; none before all are complete.
        begun: When its separation began, by `time.monotonic`.
        finished: When it ended, one way or another.
        asked: When somebody last asked about it; see `ask`.
        left: When its page was last closed, by `time.monotonic`.
        why_cancelled: Why its end was asked for, if it was.
        successor: Token of the song that took its place, if one did.
        claim: Space on the disk that its stems may take.
    """

    token: str
    folder: Path
    wish: Wish
    seconds: float | None = None
    state: State = "waiting"
    message: str | None = None
    notes: list[str] = field(default_factory=list)
    done: float = 0.0
    heard: Heard | None = None
    sample_rate: int | None = None
    files: tuple[Path, ...] = ()
    begun: float | None = None
    finished: float | None = None
    asked: float = field(default_factory=time.monotonic)
    left: float = -math.inf
    why_cancelled: str = ""
    successor: str | None = None
    claim: Claim | None = None
    _cancelled: Event = field(default_factory=Event)

    def cancel(self, why: str = BY_HAND) -> None:
        """Ask for its end, which comes with the next piece; a job that is finished stays as it is."""
        self.why_cancelled = why
        self._cancelled.set()

    def ask(self) -> None:
        """Take note that somebody asks about it, unless it may be a page that has been closed meanwhile."""
        now = time.monotonic()
        if now - self.left > STRAGGLERS:
            self.asked = now

    @property
    def cancelled(self) -> bool:
        """Whether its end was asked for."""
        return self._cancelled.is_set()

    def finish(self, state: State, message: str | None = None) -> None:
        """End it."""
        self.state, self.message, self.finished = state, message, time.monotonic()
        if self.claim is not None:
            self.claim.release()
