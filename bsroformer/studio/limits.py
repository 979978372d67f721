"""Limits on what a visitor may request."""

import reprlib
from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.files import AudioInfo
from bsroformer.errors import InputError
from bsroformer.studio.job import SeparationRequest

MEGABYTE = 2**20
"""Bytes, as Gradio counts them."""
MAX_OVERLAP = 0.875
MAX_SHIFTS = 8
"""With `MAX_OVERLAP`, each sample is computed 64 times."""
USUAL_PASSES = 8
"""How often each sample of the longest song may be computed."""
BYTES_PER_SAMPLE = 4 + 1
"""A float sample of a stem, and its preview."""


@dataclass(frozen=True)
class Limits:
    """Limits for each visitor, and for all of them together.

    Attributes:
        megabytes: Size of a song's file, in units of 2**20 bytes.
        minutes: Length of a song.
        songs: Songs that are waiting or in work.
        songs_each: Songs of one visitor that are waiting or in work.
        keep_minutes: How long stems are kept.

    Raises:
        InputError: A limit is not above 0.
    """

    megabytes: float = 200
    minutes: float = 20
    songs: int = 10
    songs_each: int = 3
    keep_minutes: float = 60

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            if not value > 0:
                raise InputError(f"limits.{key} must be above 0, got {value}")

    def check_file(self, file: Path, name: str) -> None:
        """Raise `InputError` if a file is gone or too large.

        Args:
            file: The song's file.
            name: The visitor's name for it.
        """
        if not file.is_file():
            raise InputError(f"the upload of {name} has expired; upload it again")
        if file.stat().st_size > self.megabytes * MEGABYTE:
            raise InputError(f"{name} is larger than {self.megabytes:g} MB, the limit for a song; compress it")

    def length_of(self, audio: AudioInfo, name: str) -> float | None:
        """Return a song's length in seconds, or None if its header has none.

        Raises:
            InputError: The song is too long.
        """
        if audio.expected_frames is None:
            return None
        seconds = audio.expected_frames / audio.sample_rate
        self.check_length(seconds, name)
        return seconds

    def check_length(self, seconds: float, name: str) -> None:
        """Raise `InputError` if a song is too long."""
        if seconds > 60 * self.minutes:
            raise InputError(f"{name} is longer than {self.minutes:g} minutes, the limit for a song; cut it")

    def check_work(self, seconds: float | None, passes: float, name: str) -> None:
        """Raise `InputError` if a song needs more work than the longest at best quality.

        Args:
            seconds: Its length, if known.
            passes: How often each sample is computed.
            name: The visitor's name for it.
        """
        minutes = self.minutes if seconds is None else seconds / 60
        if passes > USUAL_PASSES and passes * minutes > USUAL_PASSES * self.minutes:
            raise InputError(
                f"{name} is too long to compute each sample {passes:g} times; choose less overlap or fewer shifts"
            )

    def stems_size(self, audio: AudioInfo, seconds: float | None, stems: int) -> float:
        """Return an upper limit for the bytes of a song's stems and preview."""
        length = 60 * self.minutes if seconds is None else seconds
        samples = length * audio.sample_rate * max(2, audio.channels)
        return samples * BYTES_PER_SAMPLE * (stems + 1)


def check_types(request: SeparationRequest) -> None:
    """Raise `InputError` if a value other than a number has the wrong type."""
    if not isinstance(request.checkpoint, str):
        raise InputError(f"checkpoint must be a name, got {_shortened(request.checkpoint)}")
    stems: object = request.stems
    if not isinstance(stems, list | tuple) or not all(isinstance(stem, str) for stem in stems):
        raise InputError(f"stems must be a list of names, got {_shortened(stems)}")
    if not isinstance(request.rest, bool):
        raise InputError(f"rest must be true or false, got {_shortened(request.rest)}")


def check_quality(overlap: float, shifts: float) -> None:
    """Raise `InputError` if overlap or shifts are out of bounds."""
    if not is_number(overlap) or not 0 <= overlap <= MAX_OVERLAP:
        raise InputError(f"overlap must be a number from 0 to {MAX_OVERLAP}, got {_shortened(overlap)}")
    if not is_number(shifts) or not 1 <= shifts <= MAX_SHIFTS or shifts != int(shifts):
        raise InputError(f"shifts must be a whole number from 1 to {MAX_SHIFTS}, got {_shortened(shifts)}")


def is_number(value: object) -> bool:
    """Return whether a value from a program is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shortened(value: object) -> str:
    """Shorten the text of a value of any size."""
    return reprlib.repr(value)
