"""Write audio files atomically: under its name a file is either complete or not there."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import soundfile
from torch import Tensor

from bsroformer.atomic import replacing, writing
from bsroformer.audio.encoders import Encoder, FFmpegEncoder, Sound, SoundFileEncoder
from bsroformer.audio.formats import SAMPLE_BYTES, check_sound, format_of
from bsroformer.errors import InputError

MAX_WAV_BYTES = 2**32 - 2**12  # a wav counts its bytes in 32 bits, header included
_LIBRARY_ERRORS = (soundfile.LibsndfileError, av.FFmpegError)


def write(path: str | Path, audio: Tensor, sample_rate: int, subtype: str = "FLOAT") -> None:
    """Write audio to a file, whole or not at all.

    Args:
        path: The file; its name ends in its format, one of ``bsroformer.audio.formats.FORMATS``. Its folder is made if
            need be, and a file that is there is replaced.
        audio: Samples (c t). Integer subtypes clip them to [-1, 1) and round them to the nearest step.
        sample_rate: In Hz.
        subtype: How to store a sample, one of the format's ways: ``FLOAT``, ``PCM_24``, ``VORBIS``, ``MP3``, ...

    Raises:
        InputError: The folder or disk cannot be written, or the format cannot hold this.
    """
    channels, frames = audio.shape
    with block_writer(path, Sound(sample_rate, channels, subtype), frames) as append:
        append(audio)


@contextmanager
def block_writer(path: str | Path, sound: Sound, frames: int | None = None) -> Iterator[Callable[[Tensor], None]]:
    """Open a file to write block by block: the context's value is a function that appends a block (c t).

    The blocks go to a temporary file beside ``path``, which takes its name when the context ends without an
    error and is removed otherwise.

    Args:
        path: As in `write`.
        sound: What comes, and how to store it.
        frames: Samples per channel to expect, where known: a wav past 4 GiB needs another header (RF64).

    Raises:
        InputError: As `write`, or a wav of unannounced length grows past 4 GiB.
    """
    path = Path(path)
    with replacing(path) as partial, encoding(partial, path, sound, frames) as append:
        yield append


@contextmanager
def encoding(partial: Path, path: Path, sound: Sound, frames: int | None = None) -> Iterator[Callable[[Tensor], None]]:
    """The same, but into a file that somebody else will give its name ``path``, which alone errors speak of."""
    check_sound(path, sound.sample_rate, sound.channels, sound.subtype)
    most, written = most_frames(path, sound), 0
    rf64 = frames is not None and frames > most
    encoder = _encoder(path, partial, sound, rf64)

    def append(block: Tensor) -> None:
        nonlocal written
        written += block.shape[1]
        if written > most and not rf64:
            raise InputError(f"{path} would grow past 4 GiB, the most that a wav holds: write .flac or .w64.")
        with writing(path, *_LIBRARY_ERRORS):
            encoder.append(block)

    try:
        yield append
    finally:
        with writing(path, *_LIBRARY_ERRORS):
            encoder.close()


def most_frames(path: Path, sound: Sound) -> float:
    """How many samples per channel a file can count."""
    if format_of(path).name != "WAV":
        return math.inf
    return MAX_WAV_BYTES // (sound.channels * SAMPLE_BYTES[sound.subtype])


def _encoder(path: Path, partial: Path, sound: Sound, rf64: bool) -> Encoder:
    with writing(path, *_LIBRARY_ERRORS):
        if sound.subtype in ("MP3", "AAC"):
            return FFmpegEncoder(partial, format_of(path).name, sound)
        return SoundFileEncoder(partial, "RF64" if rf64 else format_of(path).name, sound)
