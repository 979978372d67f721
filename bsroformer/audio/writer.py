"""Atomic writing of audio files: they are complete or missing."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import soundfile
from torch import Tensor

from bsroformer.atomic import replacing, writing
from bsroformer.audio.encoders import Encoder, EncodingSpec, FFmpegEncoder, SoundFileEncoder
from bsroformer.audio.formats import SAMPLE_BYTES, Format, check_encoding, format_of
from bsroformer.errors import InputError

_LIBRARY_ERRORS = (soundfile.LibsndfileError, av.FFmpegError)


def write(path: str | Path, audio: Tensor, sample_rate: int, subtype: str = "FLOAT", model: str = "") -> None:
    """Write audio to a file, whole or not at all.

    Args:
        path: The file; its suffix is its format, one of `bsroformer.audio.formats.FORMATS`. Its folder is created, and
            an existing file is replaced.
        audio: Samples (c t). Integer subtypes clip them to [-1, 1) and round them to the nearest step.
        sample_rate: In Hz.
        subtype: Way to store a sample, one of the format's: ``FLOAT``, ``PCM_24``, ``VORBIS``, ``MP3``, ...
        model: See `EncodingSpec`.

    Raises:
        InputError: The folder or disk cannot be written, or the format does not support this audio.
    """
    channels, frames = audio.shape
    with block_writer(path, EncodingSpec(sample_rate, channels, subtype, model=model), frames) as append:
        append(audio)


@contextmanager
def block_writer(path: str | Path, spec: EncodingSpec, frames: int | None = None) -> Iterator[Callable[[Tensor], None]]:
    """Open a file to write block by block.

    The context's value is a function that appends a block (c t).

    The blocks go to a temporary file beside ``path``, which takes its name when the context ends without an
    error and is removed otherwise.

    Args:
        path: See `write`.
        spec: Rate, channels and encoding.
        frames: Expected samples per channel, if known: a wav beyond 4 GiB needs another header (RF64).

    Raises:
        InputError: See `write`; also if a wav of unannounced length exceeds 4 GiB.
    """
    path = Path(path)
    with replacing(path) as partial, open_encoder(partial, path, spec, frames) as append:
        yield append


@contextmanager
def open_encoder(
    partial: Path, path: Path, spec: EncodingSpec, frames: int | None = None
) -> Iterator[Callable[[Tensor], None]]:
    """Open a temporary file that the caller renames to ``path``: see `block_writer`.

    Errors name ``path``.
    """
    check_encoding(path, spec.sample_rate, spec.channels, spec.subtype)
    kind = format_of(path)
    limit = max_frames(kind, spec)
    large = frames is not None and frames > limit
    encoder = _encoder(path, partial, spec, large)
    written = 0

    def append(block: Tensor) -> None:
        nonlocal written
        written += block.shape[1]
        if written > limit and not large:
            raise InputError(f"{path} would grow past 4 GiB, the most that a wav holds; write .flac or .w64.")
        with writing(path, *_LIBRARY_ERRORS):
            encoder.append(block)

    try:
        yield append
    finally:
        with writing(path, *_LIBRARY_ERRORS):
            encoder.close()


def max_frames(kind: Format, spec: EncodingSpec) -> float:
    """Return the samples per channel that a format's header can count."""
    if not kind.max_bytes:
        return math.inf
    return kind.max_bytes // (spec.channels * SAMPLE_BYTES[spec.subtype])


def _encoder(path: Path, partial: Path, spec: EncodingSpec, large: bool) -> Encoder:
    kind = format_of(path)
    with writing(path, *_LIBRARY_ERRORS):
        if kind.codec:
            return FFmpegEncoder(partial, kind, spec)
        return SoundFileEncoder(partial, kind, spec, large)
