"""Encode blocks of samples into one file: libsndfile where it can, FFmpeg (PyAV) for mp3 and m4a.

Both wear the same interface: ``append`` a block, ``close``. Use them through ``bsroformer.audio.writer``.
"""

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

# Vorbis chooses its bit rate itself, after a quality: for 44.1 kHz stereo about so many kbit/s at 0, 0.1, ... 1.
VORBIS_KBITS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
# Bits of the subtypes that are rounded here: libsndfile drops the remainder, which moves every sample by half a step.
ROUNDED_BITS = {"PCM_16": 16, "PCM_24": 24}
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
    """

    sample_rate: int
    channels: int
    subtype: str
    bitrate: int = 256
    tags: Mapping[str, str] = field(default_factory=dict)


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
        self._bits = ROUNDED_BITS.get(sound.subtype)
        self._file = soundfile.SoundFile(
            path, "w", sound.sample_rate, sound.channels, sound.subtype, format=file_format, compression_level=level
        )
        for name, value in sound.tags.items():
            with suppress(soundfile.LibsndfileError, AttributeError):  # the format has no place for it
                setattr(self._file, SOUNDFILE_TAGS.get(name, name), value)

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""
        samples = block.detach().cpu().numpy().T  # (c t) -> (t c)
        self._file.write(samples if self._bits is None else rounded(samples, self._bits))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


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
        self._container = av.open(str(path.absolute()), "w", format=file_format, options=options)
        self._container.metadata.update(sound.tags)
        self._layout = "mono" if sound.channels == 1 else "stereo"
        codec = "libmp3lame" if sound.subtype == "MP3" else "aac"
        stream = self._container.add_stream(codec, rate=sound.sample_rate, layout=self._layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 1000 * sound.bitrate
        self._stream, self._written = stream, 0

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""
        samples = np.ascontiguousarray(block.detach().cpu().numpy(), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", self._layout)
        frame.sample_rate, frame.pts = self._stream.rate, self._written
        self._written += block.shape[1]
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def rounded(samples: np.ndarray, bits: int) -> np.ndarray:
    """Samples in [-1, 1) as the nearest integers of so many bits, in the upper bits of int16 or int32."""
    full_scale = 2.0 ** (bits - 1)
    steps = np.clip(np.rint(samples * full_scale), -full_scale, full_scale - 1)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << (32 - bits)


def vorbis_compression(bitrate: int) -> float:
    """Libsndfile's compression level, 0 (best) to 1, at which Vorbis takes about ``bitrate`` kbit/s."""
    quality = np.interp(bitrate, VORBIS_KBITS, np.linspace(0, 1, len(VORBIS_KBITS)))
    return float(1 - quality)
