"""Write audio files atomically: under its name a file is either complete or not there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile
from torch import Tensor

from bsroformer.atomic import replacing, writing
from bsroformer.errors import InputError

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".w64": "W64"}
SAMPLE_BYTES = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
MAX_WAV_BYTES = 2**32 - 2**12  # a wav counts its bytes in 32 bits, header included


def write(path: str | Path, audio: Tensor, sample_rate: int, subtype: str = "FLOAT") -> None:
    """Write audio to a ``.wav``, ``.flac`` or ``.w64`` file, whole or not at all.

    Args:
        path: The file. Its folder is made if need be, and a file that is there is replaced.
        audio: Samples (c t). Integer subtypes clip them to [-1, 1].
        sample_rate: In Hz.
        subtype: One of ``SAMPLE_BYTES``; flac holds ``PCM_16`` and ``PCM_24``, but not the default.

    Raises:
        InputError: The folder or disk cannot be written, or the format cannot hold ``subtype``.
    """
    channels, frames = audio.shape
    with block_writer(path, sample_rate, channels, subtype, frames) as append:
        append(audio)


@contextmanager
def block_writer(
    path: str | Path, sample_rate: int, channels: int, subtype: str = "FLOAT", frames: int | None = None
) -> Iterator[Callable[[Tensor], None]]:
    """Open a file to write block by block: the context's value is a function that appends a block (c t).

    The blocks go to a temporary file beside ``path``, which takes its name when the context ends without an
    error and is removed otherwise.

    Args:
        path: As in `write`.
        sample_rate: In Hz.
        channels: Of every block.
        subtype: As in `write`.
        frames: Samples per channel to expect, where known: a wav past 4 GiB needs another header (RF64).

    Raises:
        InputError: As `write`, or a wav of unannounced length grows past 4 GiB.
    """
    path = Path(path)
    file_format = _file_format(path, channels, subtype, frames)
    with replacing(path) as partial:
        with writing(path, soundfile.LibsndfileError):
            file = soundfile.SoundFile(partial, "w", sample_rate, channels, subtype, format=file_format)
        with file:
            yield lambda block: _append(file, block, path)


def _file_format(path: Path, channels: int, subtype: str, frames: int | None) -> str:
    """The libsndfile format that the name, the subtype and the expected length of a file ask for."""
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise InputError(f"{path} cannot be written: name a file that ends in one of {', '.join(FORMATS)}.")
    known = [name for name in SAMPLE_BYTES if soundfile.check_format(file_format, name)]
    if subtype not in known:
        raise InputError(f"{path} cannot hold the subtype {subtype}: choose one of {', '.join(known)}.")
    too_long = (frames or 0) * channels * SAMPLE_BYTES[subtype] > MAX_WAV_BYTES
    return "RF64" if file_format == "WAV" and too_long else file_format


def _append(file: soundfile.SoundFile, block: Tensor, path: Path) -> None:
    size = (file.frames + block.shape[1]) * file.channels * SAMPLE_BYTES[file.subtype]
    if file.format == "WAV" and size > MAX_WAV_BYTES:
        raise InputError(f"{path} would grow past 4 GiB, the most that a wav holds: write .flac or .w64.")
    with writing(path, soundfile.LibsndfileError):
        file.write(block.detach().cpu().numpy().T)  # (c t) -> (t c)
