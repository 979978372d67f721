"""What a visitor may ask for."""

import reprlib
from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.files import probe
from bsroformer.errors import InputError
from bsroformer.studio.job import Wish

MEGABYTE = 2**20
"""Bytes, as Gradio counts them."""
MOST_OVERLAP, MOST_SHIFTS = 0.875, 8
"""Each sample is then computed 64 times."""
USUAL_TIMES = 8
"""How often each sample of a song as long as may be may be computed."""
SAMPLE_BYTES = 4 + 1
"""Of a stem as float, and of what can be heard of it."""


@dataclass(frozen=True)
class Limits:
    """How much each visitor may ask for, and all of them together.

    Attributes:
        megabytes: Size of a song's file, in units of 2**20 bytes.
        minutes: Length of a song.
        songs: How many may be waiting or in work.
        songs_each: How many of these may be of one visitor.
        keep_minutes: For how long stems are kept.

    Raises:
        InputError: If one of them is not above 0.
    """

    megabytes: float = 200
    minutes: float = 20
    songs: int = 10
    songs_each: int = 3
    keep_minutes: float = 60

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            if not value > 0:
                raise InputError(f"limits.{key}={value} must be above 0")

    def length_of(self, source: Path, name: str) -> float | None:
        """The length of a song in seconds, if its header has it.

        Args:
            source: Its file.
            name: What the visitor calls it.

        Raises:
            InputError: If it cannot be read, is too large or too long.
        """
        if not source.is_file():
            raise InputError(f"{name} was deleted here, since it came long ago: drop it again")
        if source.stat().st_size > self.megabytes * MEGABYTE:
            raise InputError(f"{name} is larger than {self.megabytes:g} MB, the most that is taken here: compress it")
        info = probe(source)
        if info.expected_frames is None:
            return None
        seconds = info.expected_frames / info.sample_rate
        self.check_length(seconds, name)
        return seconds

    def stems_size(self, source: Path, seconds: float | None, stems: int) -> float:
        """Bytes that the stems of a song take on the disk, with what can be heard of them; the most if unknown."""
        info = probe(source)
        frames = (60 * self.minutes if seconds is None else seconds) * info.sample_rate
        return frames * max(2, info.channels) * SAMPLE_BYTES * (stems + 1)

    def check_work(self, seconds: float | None, times: float, name: str) -> None:
        """Make sure that a song takes no more work than the longest at usual quality.

        Args:
            seconds: Its length, if that is known.
            times: How often each sample is to be computed.
            name: What the visitor calls it.

        Raises:
            InputError: If it does.
        """
        most = USUAL_TIMES * self.minutes
        if times > USUAL_TIMES and times * (self.minutes if seconds is None else seconds / 60) > most:
            raise InputError(
                f"{name} is too long to compute each sample {times:g} times: choose less overlap or fewer shifts"
            )

    def check_length(self, seconds: float, name: str) -> None:
        """Make sure that a song is not too long.

        Raises:
            InputError: If it is.
        """
        if seconds > 60 * self.minutes:
            raise InputError(f"{name} is longer than {self.minutes:g} minutes, the most that is taken here: cut it")


def check_types(wish: Wish) -> None:
    """Make sure that what a program sent for a song has the right types; numbers are for `check_quality`.

    Raises:
        InputError: If not.
    """
    if not isinstance(wish.checkpoint, str):
        raise InputError(f"checkpoint={_shown(wish.checkpoint)} must be a name")
    if not isinstance(wish.stems, list | tuple) or not all(isinstance(stem, str) for stem in wish.stems):
        raise InputError(f"stems={_shown(wish.stems)} must be a list of names")
    if not isinstance(wish.rest, bool):
        raise InputError(f"rest={_shown(wish.rest)} must be true or false")


def _shown(value: object) -> str:
    """The beginning of a value of any size."""
    return reprlib.repr(value)


def check_quality(overlap: float, shifts: float) -> None:
    """Make sure that overlap and shifts are within their bounds.

    Raises:
        InputError: If not.
    """
    if not is_number(overlap) or not 0 <= overlap <= MOST_OVERLAP:
        raise InputError(f"overlap={_shown(overlap)} must be a number from 0 to {MOST_OVERLAP}")
    if not is_number(shifts) or not 1 <= shifts <= MOST_SHIFTS or shifts != int(shifts):
        raise InputError(f"shifts={_shown(shifts)} must be a whole number from 1 to {MOST_SHIFTS}")


def is_number(value: object) -> bool:
    """Whether it is one; programs may send anything."""
    return isinstance(value, int | float) and not isinstance(value, bool)
