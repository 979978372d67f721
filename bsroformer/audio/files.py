"""Reading of audio files: whole, an excerpt, or block by block in constant memory.

Reading neither resamples nor mixes down (`bsroformer.audio.convert` does); integers are scaled to [-1, 1).
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bsroformer.audio.audio_info import HEADER_SLACK, AudioInfo
from bsroformer.audio.decoders import Decoder, open_decoder
from bsroformer.audio.writer import block_writer, write
from bsroformer.errors import InputError
from bsroformer.file_state import file_state
from bsroformer.text import count

__all__ = [
    "AUDIO_SUFFIXES",
    "HEADER_SLACK",
    "AudioInfo",
    "EndsBeforeError",
    "block_writer",
    "blocks",
    "measured",
    "probe",
    "probe_streams",
    "read",
    "write",
]

_LIBSNDFILE = {
    ".wav",
    ".w64",
    ".rf64",
    ".aif",
    ".aiff",
    ".au",
    ".caf",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp2",
    ".mp3",
}
_FFMPEG = {
    ".m4a",
    ".mp4",
    ".aac",
    ".ac3",
    ".eac3",
    ".dts",
    ".tta",
    ".wma",
    ".wv",
    ".webm",
    ".mka",
    ".mkv",
    ".mov",
}
AUDIO_SUFFIXES = frozenset(_LIBSNDFILE | _FFMPEG)
"""Suffixes of audio files when a folder is searched; a file that the user names may have any."""
MAX_SAMPLE = 2.0**40
"""Largest magnitude that is read: above any 32-bit scale of a float file; squares in a model stay finite."""


class EndsBeforeError(InputError):
    """A file ends before the sample at which reading starts."""


def probe_streams(path: str | Path) -> list[AudioInfo]:
    """Describe every audio stream of a file from its header.

    Raises:
        InputError: The file is missing, a folder, empty, or holds no audio.
    """
    with closing(open_decoder(Path(path))) as decoder:
        return decoder.infos


def probe(path: str | Path, stream: int = 0) -> AudioInfo:
    """Describe one audio stream of a file from its header.

    Args:
        path: The file.
        stream: Index among the file's audio streams.

    Raises:
        InputError: As `probe_streams`, or the file has no such stream.
    """
    with closing(open_decoder(Path(path))) as decoder:
        return _info(decoder, stream)


def measured(info: AudioInfo) -> AudioInfo:
    """Add the exact decoded length to the description of a stream.

    It is read from the stream's last samples, or counted if these do not show it.

    Raises:
        InputError: If the file cannot be read.
    """
    if info.certain:
        return info
    state = tuple(file_state(info.path))
    frames = _ends(info.path, state)[info.stream]
    if frames is None:
        frames = _count(info.path, info.stream, state)
    return replace(info, frames=frames, expected_frames=frames, certain=True)


@lru_cache(maxsize=4096)
def _ends(path: Path, state: tuple[Any, ...]) -> list[int | None]:
    """Find the length of each stream by its last samples; None if unknown.

    Cached by the state of the file.
    """
    with closing(open_decoder(path)) as decoder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # repeated when it is read
        return [decoder.end(stream) for stream in range(len(decoder.infos))]


@lru_cache(maxsize=4096)
def _count(path: Path, stream: int, state: tuple[Any, ...]) -> int:
    """Count the samples per channel of a stream, cached by the state of the file."""
    with closing(open_decoder(path)) as decoder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # repeated when it is read
        return sum(block.shape[1] for block in _decoded(decoder, stream, 0))


def read(path: str | Path, start: int = 0, frames: int | None = None, stream: int = 0) -> tuple[Tensor, int]:
    """Read a file or an excerpt of it.

    Args:
        path: The file.
        start: First sample.
        frames: Samples per channel, or None for all to the end; an excerpt past the end of the file is shorter.
        stream: Index among the file's audio streams.

    Returns:
        Audio (c t) in float32, and its sample rate in Hz.

    Raises:
        InputError: As `probe`; the file holds no sample at ``start``, or samples that are NaN, infinite, or
            beyond `MAX_SAMPLE`.
    """
    if start < 0 or (frames is not None and frames < 1):
        raise InputError(
            f"An excerpt of {path} needs start >= 0 and frames >= 1, not start={start} and frames={frames}."
        )
    found: list[Tensor] = []
    missing = frames
    with closing(open_decoder(Path(path))) as decoder:
        info = _info(decoder, stream)
        for block in _decoded(decoder, stream, start):
            if missing is not None:
                block = block[:, :missing]
                missing -= block.shape[1]
            found.append(block)
            if missing == 0:
                break
    return _check_samples(torch.cat(found, dim=1), info, start), info.sample_rate


def blocks(path: str | Path, size: int, stream: int = 0) -> Iterator[Tensor]:
    """Read a file in constant memory, block by block.

    Args:
        path: The file.
        size: Samples per channel in a block.
        stream: Index among the file's audio streams.

    Yields:
        Audio (c size) in float32; the last block may be shorter.

    Raises:
        InputError: See `read`; raised when the block is reached.
    """
    with closing(open_decoder(Path(path))) as decoder:
        info = _info(decoder, stream)
        start = 0
        for block in regroup(_decoded(decoder, stream, start), size):
            yield _check_samples(block, info, start)
            start += size


def _info(decoder: Decoder, stream: int) -> AudioInfo:
    infos = decoder.infos
    if not 0 <= stream < len(infos):
        allowed = "0" if len(infos) == 1 else f"in 0 to {len(infos) - 1}"
        raise InputError(
            f"{infos[0].path} has {count(len(infos), 'audio stream')}, so there is no stream {stream}; "
            f"the stream must be {allowed}."
        )
    return infos[stream]


def _decoded(decoder: Decoder, stream: int, start: int) -> Iterator[Tensor]:
    """Yield the decoder's blocks.

    Raises:
        InputError: If there are none.
    """
    empty = True
    for block in decoder.decode(stream, start):
        empty = False
        yield block
    path = decoder.infos[stream].path
    if empty and start == 0:
        raise InputError(f"{path} holds no samples; record or export it again.")
    if empty:
        raise EndsBeforeError(f"{path} ends before sample {start}, where reading starts; start earlier.")


def regroup(blocks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Cut blocks (c t) of any length into blocks (c size); the last may be shorter."""
    held: list[Tensor] = []
    frames = 0
    for block in blocks:
        held.append(block)
        frames += block.shape[1]
        if frames > size:
            *full, last = torch.cat(held, dim=1).split(size, dim=1)
            yield from full
            held = [last]
            frames = last.shape[1]
    yield torch.cat(held, dim=1)


def _check_samples(audio: Tensor, info: AudioInfo, start: int) -> Tensor:
    """Return samples (c t) from sample ``start`` of a file on, after a check.

    Raises:
        InputError: Some are NaN, infinite, or larger than `MAX_SAMPLE`.
    """
    usable = audio.abs() <= MAX_SAMPLE  # false for NaN
    if usable.all():
        return audio
    column = int(usable.all(dim=0).int().argmin())
    if audio[:, column].isfinite().all():
        largest = float(audio[:, column].abs().max())
        kind = f"samples as large as {largest:.3g} where full scale is 1"
    else:
        kind = "NaN or infinite values"
    raise InputError(
        f"{info.path} holds {kind}, the first at sample {start + column}; export it again, or "
        "repair it in an audio editor."
    )
