"""Sample-exact decoding of audio streams by libsndfile or FFmpeg (PyAV).

libsndfile reads wav, flac, ogg, aiff...; FFmpeg reads mp3, m4a, mp4, webm, mkv and the ``.stem.mp4`` of
MUSDB18, which holds five audio streams, and files whose headers state too little (`bsroformer.audio.headers`).
Use them through `bsroformer.audio.files`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import soundfile
from torch import Tensor

from bsroformer.audio.audio_info import AudioInfo
from bsroformer.audio.ffmpeg_decoder import FFmpegDecoder
from bsroformer.audio.headers import reader_of
from bsroformer.audio.soundfile_decoder import UNKNOWN_FRAMES, SoundFileDecoder
from bsroformer.errors import InputError


class Decoder(Protocol):
    """An open audio file.

    Attributes:
        infos: Description of each audio stream.
    """

    infos: list[AudioInfo]

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as float32 blocks (c t)."""

    def end(self, stream: int) -> int | None:
        """Find the length of a stream by its last samples.

        Only damage before the last samples makes it wrong; reading warns about that.

        Returns:
            None if all samples have to be counted.
        """

    def close(self) -> None:
        """Close the file."""


def open_decoder(path: Path) -> Decoder:
    """Open a file with the library for its format.

    Use the decoder with ``contextlib.closing``.

    Raises:
        InputError: The path is no file, or the file is missing, empty or not audio.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}; check the path.")
    if path.is_dir():
        raise InputError(f"{path} is a folder, where an audio file was expected; name a file in it.")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file; save its data to one first.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or download it again.")
    try:
        reader = reader_of(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the disk and its permissions.") from error
    if reader.changes:
        raise InputError(
            f"{path} is a chain of recordings whose channels or rates differ; convert it to wav, or split it."
        )
    if reader.by_ffmpeg:
        return FFmpegDecoder(path, reader)
    try:
        decoder = SoundFileDecoder(path, reader.samples)
        if decoder.infos[0].frames != UNKNOWN_FRAMES and not decoder.is_mpeg:
            return decoder
        decoder.close()
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless files named .raw
        pass
    return FFmpegDecoder(path)
