"""Decoding with libsndfile, from any byte of a file."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from bsroformer.audio.audio_info import AudioInfo, warn_cut_off
from bsroformer.audio.containers import read_channel_names
from bsroformer.audio.ffmpeg_decoder import FFmpegDecoder
from bsroformer.audio.formats import SAMPLE_BYTES
from bsroformer.audio.headers import RawSamples

SOUNDFILE_BLOCK = 2**15
"""Samples decoded at a time: 0.7 s at 44.1 kHz, so that an excerpt decodes little more than it needs."""
UNKNOWN_WAV_BYTES = 2**31 - 2**16
"""Smallest stated length that means an unknown one: a wav written to a pipe states the largest possible."""
CHUNK_OVERHEAD = 32
"""Bytes, at most, that the length of a chunk counts besides the samples: its header, and padding."""
UNKNOWN_FRAMES = 2**63 - 1
"""Length that libsndfile reports for a FLAC written to a pipe."""
MAX_OGG_PAGE = 65_307
"""Largest page of an Ogg, in bytes."""


class SoundFileDecoder:
    """A file that libsndfile reads: one stream with seeks to any sample.

    Args:
        path: The file.
        samples: Position and format of the samples, if the header does not count all of them.
    """

    def __init__(self, path: Path, samples: RawSamples | None = None) -> None:
        self._tail = None if samples is None else Tail(path, samples.offset)
        if self._tail is not None and samples is not None:
            self._file = soundfile.SoundFile(
                self._tail, "r", samples.sample_rate, samples.channels, samples.subtype, "LITTLE", "RAW"
            )
        else:  # not all names are UTF-8
            self._file = soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)
        file = self._file
        names = read_channel_names(str(path.absolute())) if file.channels > 2 else ()  # soundfile does not return them
        self.infos = [
            AudioInfo(
                path,
                file.samplerate,
                file.channels,
                frames=file.frames,
                expected_frames=file.frames,
                codec=file.subtype,
                stream=0,
                streams=1,
                layout=names,
                certain=file.format != "FLAC",  # libsndfile corrects the headers of other files that are cut off
            )
        ]

    @property
    def is_mpeg(self) -> bool:
        """Check for MPEG audio, where libsndfile estimates the length and seeks inexactly."""
        return bool(self._file.subtype.startswith("MPEG"))

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as blocks (c t) of float32."""
        if start >= self._file.frames:
            return
        end = start
        try:
            self._seek(start)
            while True:
                block = self._file.read(SOUNDFILE_BLOCK, dtype="float32", always_2d=True)
                if len(block) == 0:
                    break
                end += len(block)
                yield torch.from_numpy(block).T  # (t c) -> (c t)
        except soundfile.LibsndfileError:  # raised a block before the damage in a FLAC
            with closing(FFmpegDecoder(self.infos[0].path, damaged=True)) as other:
                yield from other.decode(0, end)
            return
        path = self.infos[0].path
        stated = self._stated_frames()
        if end < stated:
            warn_cut_off(path, f"of the {stated} samples in its header, {end}", stacklevel=2)
        elif self._file.format == "OGG" and not _has_last_page(path):
            warn_cut_off(path, f"its end is missing, and the {end} samples before it", stacklevel=2)

    def _seek(self, start: int) -> None:
        """Seek to a sample.

        An Ogg is decoded from its beginning: libsndfile's seeks in it are wrong near the end of a file.
        """
        if self._file.format != "OGG":
            if start:  # not every codec can seek
                self._file.seek(start)
            return
        if self._file.tell():
            self._file.seek(0)
        while start > 0:
            block = self._file.read(min(start, SOUNDFILE_BLOCK), dtype="float32", always_2d=True)
            start -= len(block)

    def _stated_frames(self) -> int:
        """Return the length in the header.

        libsndfile corrects it for a cut file and reports it in its log only.
        """
        file = self._file
        frames = int(file.frames)
        log = re.search(r"(?:data|SSND|Data [Ss]ize) +: (\d+)\b", file.extra_info)
        if log is None or file.subtype not in SAMPLE_BYTES:
            return frames
        size = int(log[1])
        frame_bytes = file.channels * SAMPLE_BYTES[file.subtype]
        is_unknown = size >= UNKNOWN_WAV_BYTES and file.format not in ("RF64", "W64")
        is_complete = size <= frames * frame_bytes + CHUNK_OVERHEAD
        return frames if is_unknown or is_complete else size // frame_bytes

    def end(self, stream: int) -> int | None:
        """Find the samples per channel of a FLAC by its last one; None if it is missing."""
        frames = int(self._file.frames)
        try:
            self._file.seek(frames - 1)
            return frames if len(self._file.read(1)) else None
        except soundfile.LibsndfileError:
            return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._tail is not None:
            self._tail.close()


def _has_last_page(path: Path) -> bool:
    """Check for the flag of the last page at the end of an Ogg file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * MAX_OGG_PAGE))
        tail = file.read()
    last = tail.rfind(b"OggS")
    return last < 0 or len(tail) < last + 6 or bool(tail[last + 5] & 4)


class Tail:
    """A file without its first bytes, for libraries that read from the beginning.

    Args:
        path: The file.
        offset: Number of bytes to skip.
    """

    def __init__(self, path: Path, offset: int) -> None:
        self._file = path.open("rb")
        self._offset = offset
        self.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Read a number of bytes, all by default."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek to a byte and return its number."""
        if whence == os.SEEK_SET:
            offset += self._offset
        return self._file.seek(offset, whence) - self._offset

    def tell(self) -> int:
        """Return the number of the current byte."""
        return self._file.tell() - self._offset

    def close(self) -> None:
        """Close the file."""
        self._file.close()
