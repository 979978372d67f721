"""What a visitor may ask for."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.files import probe
from bsroformer.errors import InputError

MEGABYTE = 2**20
"""Bytes, as Gradio counts them."""
MOST_OVERLAP, MOST_SHIFTS = 0.875, 8
"""Each sample is then computed 64 times."""
USUAL_TIMES = 8
"""How often each sample of a song as long as may be may be computed."""
KEPT_FREE = 500 * MEGABYTE
"""Of the disk, for everything else on the machine."""
SAMPLE_BYTES = 4 + 1
"""Of a stem as float, and of what can be heard of it."""


@dataclass(frozen=True)
class Limits:
    """How much each visitor may ask for, and all of them together.

    Attributes:
        megabytes: Size of a song's file, in units of 2**20 bytes.
        minutes: Length of a song.
        songs: How many may be waiting or in work.
        keep_minutes: For how long stems are kept.

    Raises:
        InputError: If one of them is not above 0.
    """

    megabytes: float = 200
    minutes: float = 20
    songs: int = 10
    keep_minutes: float = 60

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            if not value > 0:
                raise InputError(f"limits.{key}={value} must be above 0")

    def length_of(self, source: Path, name: str, stems: int, place: Path) -> float | None:
        """The length of a song in seconds, if its header tells it.

        Args:
            source: Its file.
            name: What the visitor calls it.
            stems: How many are to be written.
            place: Where.

        Raises:
            InputError: If it cannot be read, is too large or too long, or the disk has no room for its stems.
        """
        if not source.is_file():
            raise InputError(f"{name} was deleted here, since it came long ago: drop it again")
        if source.stat().st_size > self.megabytes * MEGABYTE:
            raise InputError(f"{name} is larger than {self.megabytes:g} MB, the most that is taken here: compress it")
        info = probe(source)
        seconds = None if info.expected_frames is None else info.expected_frames / info.sample_rate
        if seconds is not None:
            self.check_length(seconds, name)
        frames = (60 * self.minutes if seconds is None else seconds) * info.sample_rate
        needed = frames * max(2, info.channels) * SAMPLE_BYTES * (stems + 1)
        if needed > shutil.disk_usage(place).free - KEPT_FREE:
            raise InputError(
                f"the disk has no room for the stems of {name}: try a shorter song, or later, when others are deleted"
            )
        return seconds

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


def check_quality(overlap: float, shifts: float) -> None:
    """Make sure that overlap and shifts are within their bounds.

    Raises:
        InputError: If not.
    """
    if not is_number(overlap) or not 0 <= overlap <= MOST_OVERLAP:
        raise InputError(f"overlap={overlap} must be a number from 0 to {MOST_OVERLAP}")
    if not is_number(shifts) or not 1 <= shifts <= MOST_SHIFTS or shifts != int(shifts):
        raise InputError(f"shifts={shifts} must be a whole number from 1 to {MOST_SHIFTS}")


def is_number(value: object) -> bool:
    """Whether it is one; programs may send anything."""
    return isinstance(value, int | float) and not isinstance(value, bool)
