"""Encoders of libsndfile and FFmpeg that write blocks of samples to a file.

Use them through `bsroformer.audio.writer`.
"""

import errno
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from torch import Tensor

from bsroformer.audio.formats import Format

ROUNDED_BITS = {"PCM_16": 16, "PCM_24": 24}
"""Bits of the subtypes that are rounded here: libsndfile truncates, which moves every sample by half a step."""
SIGNATURE = re.compile(r"separated by bsroformer (\w+)")
"""A tag that identifies a file of this program; the group is the fingerprint."""
MODEL = re.compile(r"bsroformer\b.*?; model ([0-9a-f]{16}(?:\+[0-9a-f]{16})*)")
"""A tag that identifies the model of a stem; the group is the digest of its weights, or several with ``+``."""
MODEL_DIGITS = 16
MAX_MODELS = 3
"""Models that a tag lists: libsndfile cuts it after 127 characters."""
SOUNDFILE_TAGS = {"track": "tracknumber"}
"""libsndfile's names of tags, by FFmpeg's, where they differ."""


@dataclass(frozen=True)
class EncodingSpec:
    """Properties of an encoded file.

    Attributes:
        sample_rate: In Hz.
        channels: Number of channels.
        subtype: Way to store a sample, one of the subtypes of `bsroformer.audio.formats.FORMATS`.
        bitrate: Bit rate of lossy formats in kbit/s.
        tags: Title, artist and the like, by FFmpeg's names.
        fingerprint: Letters and digits that identify the file's source and settings, kept in a tag.
        model: Digest of the weights of the model that computed the audio, or several with ``+``; its first 16 digits
            are kept in the same tag, of more than three models those of a digest of all.
        quick: Encode mp3 in a third of the time, at lower quality.
    """

    sample_rate: int
    channels: int
    subtype: str
    bitrate: int = 256
    tags: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    model: str = ""
    quick: bool = False

    @property
    def signature(self) -> str:
        """The tag with the fingerprint and the model: see `SIGNATURE` and `MODEL`."""
        separated = f"separated by bsroformer {self.fingerprint}" if self.fingerprint else ""
        if not self.model:
            return separated
        digests = self.model.split("+")
        if len(digests) > MAX_MODELS:
            digests = [sha256(self.model.encode()).hexdigest()]
        models = "+".join(digest[:MODEL_DIGITS] for digest in digests)
        return f"{separated or 'bsroformer'}; model {models}"


class Encoder(Protocol):
    """A file that is being written."""

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""

    def close(self) -> None:
        """Finish the file."""


class SoundFileEncoder:
    """An encoder of libsndfile.

    Args:
        path: The file, of any name.
        kind: Its format.
        spec: Rate, channels, subtype and tags.
        large: Write the format's container for files beyond its limit.
    """

    def __init__(self, path: Path, kind: Format, spec: EncodingSpec, large: bool = False) -> None:
        level = compression_level(spec.bitrate, kind.quality_kbits) if kind.quality_kbits else None
        self._name = os.fsencode(path) if os.name == "posix" else path  # not all names are UTF-8
        self._subtype = spec.subtype
        self._frames = 0
        self._file = soundfile.SoundFile(
            self._name,
            "w",
            spec.sample_rate,
            spec.channels,
            spec.subtype,
            format=kind.large_name if large else kind.name,
            compression_level=level,
        )
        signature = {"software": spec.signature} if spec.signature else {}
        for name, value in {**signature, **spec.tags}.items():  # the signature first: tags have some 16 kB
            with suppress(soundfile.LibsndfileError, AttributeError):  # the format has no such tag
                setattr(self._file, SOUNDFILE_TAGS.get(name, name), value)

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""
        samples = quantized(block.detach().cpu(), self._subtype).numpy().T  # (c t) -> (t c)
        self._file.write(to_integers(samples, ROUNDED_BITS.get(self._subtype)))
        self._frames += len(samples)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OSError: If it is incomplete: libsndfile reports no error when the disk is full at the end.
        """
        self._file.close()
        if self._frames != soundfile.info(self._name).frames:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FFmpegEncoder:
    """An encoder of FFmpeg's libraries.

    Args:
        path: The file, of any name.
        kind: Its format, with a codec.
        spec: Rate, channels, bit rate and tags.
    """

    def __init__(self, path: Path, kind: Format, spec: EncodingSpec) -> None:
        options = {kind.clock_option: str(spec.sample_rate)} if kind.clock_option else {}
        self._file = DeferredErrorFile(path)
        self._container = av.open(self._file, "w", format=kind.name, options=options)
        signature = {"encoded_by": spec.signature, "description": spec.signature} if spec.signature else {}
        self._container.metadata.update({**spec.tags, **signature})
        self._layout = "mono" if spec.channels == 1 else "stereo"
        stream = self._container.add_stream(kind.codec, rate=spec.sample_rate, layout=self._layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 1000 * spec.bitrate
        if spec.quick and kind.quick_options:
            stream.options = dict(kind.quick_options)
        self._stream = stream
        self._frames = 0

    def append(self, block: Tensor) -> None:
        """Write a block (c t)."""
        samples = np.ascontiguousarray(block.detach().cpu().numpy(), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", self._layout)
        frame.sample_rate = self._stream.rate
        frame.pts = self._frames
        self._frames += block.shape[1]
        self._container.mux(self._stream.encode(frame))
        self._file.check()

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.close()


def quantized(audio: Tensor, subtype: str) -> Tensor:
    """Round samples ``(... t)`` to the values that a file returns.

    Those of 16 and 24 bits are clipped at full scale.
    """
    if subtype not in ROUNDED_BITS:
        return audio
    full_scale = 2.0 ** (ROUNDED_BITS[subtype] - 1)
    return (audio * full_scale).round().clamp(-full_scale, full_scale - 1) / full_scale


def to_integers(samples: np.ndarray, bits: int | None) -> np.ndarray:
    """Convert rounded samples to the upper bits of int16 or int32."""
    if bits is None:
        return samples
    steps = samples * 2.0 ** (bits - 1)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << (32 - bits)


def compression_level(bitrate: int, quality_kbits: Sequence[int]) -> float:
    """Find libsndfile's compression level, 0 (best) to 1, for a bit rate.

    Args:
        bitrate: Of 44.1 kHz stereo.
        quality_kbits: See `bsroformer.audio.formats.Format`.
    """
    quality = np.interp(bitrate, quality_kbits, np.linspace(0, 1, len(quality_kbits)))
    return float(1 - quality)


class DeferredErrorFile:
    """A file for writing that keeps the system's errors until `check` or `close`.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of the data, or nothing after an error."""
        remaining = memoryview(data)
        try:
            while remaining and self._error is None:
                written = self._file.write(remaining)
                remaining = remaining[written:]
        except OSError as error:
            self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek to a byte."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the number of the current byte."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file.

        Raises:
            OSError: See `check`.
        """
        self._file.close()
        self.check()

    def check(self) -> None:
        """Raise the first error of a write.

        Raises:
            OSError: That error.
        """
        if self._error is not None:
            raise self._error
