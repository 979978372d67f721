"""Encode blocks of samples into one file: libsndfile where it can, FFmpeg (PyAV) for mp3 and m4a.

Both wear the same interface: ``append`` a block, ``close``. Use them through ``bsroformer.audio.writer``.
"""

import errno
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from torch import Tensor

from bsroformer.audio.patient_file import PatientFile

# Vorbis chooses its bit rate itself, after a quality: for 44.1 kHz stereo about so many kbit/s at 0, 0.1, ... 1.
VORBIS_KBITS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
# Bits of the subtypes that are rounded here: libsndfile drops the remainder, which moves every sample by half a step.
ROUNDED_BITS = {"PCM_16": 16, "PCM_24": 24}
MARK = re.compile(r"separated by bsroformer (\w+)")
# Our names of tags (FFmpeg's) and libsndfile's, where they differ.
SOUNDFILE_TAGS = {"track": "tracknumber"}


@dataclass(frozen=True)
class Sound:
    """What is encoded, and how.

    Attributes:
        sample_rate: In Hz.
        channels: How many.
        subtype: How a sample is stored: one of those of `bsroformer.audio.formats.FORMATS`.
        bitrate: Of lossy formats, kbit/s.
        tags: Title, artist and the like, by FFmpeg's names.
        mark: A word by which the program knows its files again, kept among the tags.
        quick: Let mp3 take less time, a third of it, rather than sound as good as it can.
    """

    sample_rate: int
    channels: int
    subtype: str
    bitrate: int = 256
    tags: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""
    quick: bool = False

    @property
    def written_by(self) -> str:
        """The mark in a sentence, as it stands in the file."""
        return f"separated by bsroformer {self.mark}" if self.mark else ""


class Encoder(Protocol):
    """A file that is being written."""

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""

    def close(self) -> None:
        """Finish the file."""


class SoundFileEncoder:
    """A file that libsndfile writes.

    Args:
        path: The file; whatever its name, its format is ``file_format``.
        file_format: In libsndfile's words.
        sound: What is encoded.
    """

    def __init__(self, path: Path, file_format: str, sound: Sound) -> None:
        level = vorbis_compression(sound.bitrate) if sound.subtype == "VORBIS" else None
        self._name = os.fsencode(path) if os.name == "posix" else path  # not all names are UTF-8
        self._sound, self._written = sound, 0
        self._file = soundfile.SoundFile(
            self._name,
            "w",
            sound.sample_rate,
            sound.channels,
            sound.subtype,
            format=file_format,
            compression_level=level,
        )
        marked = {"software": sound.written_by} if sound.mark else {}
        for name, value in {**marked, **sound.tags}.items():  # the mark first: there is room for some 16 kB
            with suppress(soundfile.LibsndfileError, AttributeError):  # the format has no place for it
                setattr(self._file, SOUNDFILE_TAGS.get(name, name), value)

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""
        samples = stored(block.detach().cpu(), self._sound.subtype).numpy().T  # (c t) -> (t c)
        self._file.write(integers(samples, ROUNDED_BITS.get(self._sound.subtype)))
        self._written += len(samples)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OSError: If it is not complete: libsndfile says nothing when the disk is full at the end.
        """
        self._file.close()
        if self._written != soundfile.info(self._name).frames:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FFmpegEncoder:
    """An mp3 or m4a file, which FFmpeg's libraries write.

    Args:
        path: The file; whatever its name, its format is ``file_format``.
        file_format: In FFmpeg's words.
        sound: What is encoded.
    """

    def __init__(self, path: Path, file_format: str, sound: Sound) -> None:
        # Without a clock that counts samples, an m4a states its length in milliseconds only.
        options = {"movie_timescale": str(sound.sample_rate)} if file_format == "ipod" else {}
        self._file = PatientFile(path)
        self._container = av.open(self._file, "w", format=file_format, options=options)
        marked = {"encoded_by": sound.written_by, "description": sound.written_by} if sound.mark else {}
        self._container.metadata.update({**sound.tags, **marked})
        self._layout = "mono" if sound.channels == 1 else "stereo"
        codec = "libmp3lame" if sound.subtype == "MP3" else "aac"
        stream = self._container.add_stream(codec, rate=sound.sample_rate, layout=self._layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 1000 * sound.bitrate
        if sound.quick and codec == "libmp3lame":
            stream.options = {"compression_level": "7"}
        self._stream, self._written = stream, 0

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""
        samples = np.ascontiguousarray(block.detach().cpu().numpy(), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", self._layout)
        frame.sample_rate, frame.pts = self._stream.rate, self._written
        self._written += block.shape[1]
        self._container.mux(self._stream.encode(frame))
        self._file.check()

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.close()


def stored(audio: Tensor, subtype: str) -> Tensor:
    """Samples ``(... t)`` as a file gives them back: those of 16 or 24 bits are cut off at full scale and rounded."""
    if subtype not in ROUNDED_BITS:
        return audio
    full_scale = 2.0 ** (ROUNDED_BITS[subtype] - 1)
    return (audio * full_scale).round().clamp(-full_scale, full_scale - 1) / full_scale


def integers(samples: np.ndarray, bits: int | None) -> np.ndarray:
    """Rounded samples as integers, in the upper bits of int16 or int32, as libsndfile wants them."""
    if bits is None:
        return samples
    steps = samples * 2.0 ** (bits - 1)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << (32 - bits)


def vorbis_compression(bitrate: int) -> float:
    """Libsndfile's compression level, 0 (best) to 1, at which Vorbis takes about ``bitrate`` kbit/s."""
    quality = np.interp(bitrate, VORBIS_KBITS, np.linspace(0, 1, len(VORBIS_KBITS)))
    return float(1 - quality)
