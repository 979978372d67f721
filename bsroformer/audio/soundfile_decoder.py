"""Decode with libsndfile."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from bsroformer.audio.audio_info import AudioInfo, warn_of_cut
from bsroformer.audio.containers import names_in
from bsroformer.audio.ffmpeg_decoder import FFmpegDecoder
from bsroformer.audio.formats import SAMPLE_BYTES
from bsroformer.audio.headers import RawSamples
from bsroformer.audio.tail import Tail

# Samples decoded at a time: 0.7 s at 44.1 kHz, so that an excerpt decodes little that it does not need.
SOUNDFILE_BLOCK = 2**15
# A wav that was written to a pipe states the largest length there is, since its writer could not go back.
UNKNOWN_WAV_BYTES = 2**31 - 2**16
COUNTED_TOO = 32  # bytes, at most, that the length of a chunk counts besides the samples: its header, and filling
UNKNOWN_FRAMES = 2**63 - 1  # what libsndfile says of a FLAC that was written to a pipe
OGG_PAGE = 65_307  # bytes, at most


class SoundFileDecoder:
    """A file that libsndfile reads: one stream, and seeks to any sample.

    Args:
        path: The file.
        samples: Where its samples are, if its header does not count all of them.
    """

    def __init__(self, path: Path, samples: RawSamples | None = None) -> None:
        self._tail = None if samples is None else Tail(path, samples.offset)
        if self._tail is not None and samples is not None:
            form = (samples.sample_rate, samples.channels, samples.subtype, "LITTLE", "RAW")
            self._file = soundfile.SoundFile(self._tail, "r", *form)
        else:  # not all names are UTF-8
            self._file = soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)
        file = self._file
        names = names_in(str(path.absolute())) if file.channels > 2 else ()  # which libsndfile's module does not give
        length = file.frames
        certain = file.format != "FLAC"  # libsndfile corrects the headers of other files that are cut off
        self.infos = [
            AudioInfo(path, file.samplerate, file.channels, length, length, file.subtype, 0, 1, names, certain)
        ]

    @property
    def is_mpeg(self) -> bool:
        """Whether it is MPEG audio, of which libsndfile guesses the length, and seeks inexactly."""
        return bool(self._file.subtype.startswith("MPEG"))

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as blocks (c t) of float32."""
        if start >= self._file.frames:
            return
        end = start
        try:
            self._go_to(start)
            while len(block := self._file.read(SOUNDFILE_BLOCK, dtype="float32", always_2d=True)):
                end += len(block)
                yield torch.from_numpy(block).T  # (t c) -> (c t)
        except soundfile.LibsndfileError:  # by which it ends a damaged FLAC, a block before the damage
            with closing(FFmpegDecoder(self.infos[0].path, damaged=True)) as other:
                yield from other.decode(0, end)
            return
        path, promised = self.infos[0].path, self._promised_frames()
        if end < promised:
            warn_of_cut(path, f"of the {promised} samples in its header, {end}", stacklevel=2)
        elif self._file.format == "OGG" and not _ends_in_ogg(path):
            warn_of_cut(path, f"its end is missing, and the {end} samples before it", stacklevel=2)

    def _go_to(self, start: int) -> None:
        """Make the sample `start` the next to be read.

        libsndfile's seeks in Ogg are wrong near the end of a file, so that what comes before is decoded there.
        """
        if self._file.format != "OGG":
            if start:  # not every codec can
                self._file.seek(start)
            return
        if self._file.tell():
            self._file.seek(0)
        while start > 0:
            start -= len(self._file.read(min(start, SOUNDFILE_BLOCK), dtype="float32", always_2d=True))

    def _promised_frames(self) -> int:
        """The length in the header: libsndfile corrects that of a cut file, and tells its log only."""
        file, frames = self._file, int(self._file.frames)
        log = re.search(r"(?:data|SSND|Data [Ss]ize) +: (\d+)\b", file.extra_info)
        if log is None or file.subtype not in SAMPLE_BYTES:
            return frames
        size, frame_bytes = int(log[1]), file.channels * SAMPLE_BYTES[file.subtype]
        unknown = size >= UNKNOWN_WAV_BYTES and file.format not in ("RF64", "W64")
        return frames if unknown or size <= frames * frame_bytes + COUNTED_TOO else size // frame_bytes

    def end(self, stream: int) -> int | None:
        """Find the samples per channel of a FLAC by its last one; None if it is missing, so that all are counted."""
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


def _ends_in_ogg(path: Path) -> bool:
    """Whether the last page of an Ogg file is marked as such."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * OGG_PAGE))
        tail = file.read()
    last = tail.rfind(b"OggS")
    return last < 0 or len(tail) < last + 6 or bool(tail[last + 5] & 4)
