"""Decode one audio stream of a file, sample exact: libsndfile where it can, FFmpeg (PyAV) for the rest.

libsndfile reads wav, flac, ogg, mp3, aiff...; FFmpeg reads m4a, mp4, webm, mkv and the ``.stem.mp4`` of
MUSDB18, which holds five audio streams. Both wear the same interface here: a description of each stream,
``decode`` from any sample on, and ``close``. Use them through ``bsroformer.audio.files``.
"""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import soundfile
import torch
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from torch import Tensor

from bsroformer.audio.formats import SAMPLE_BYTES
from bsroformer.errors import InputError

# Samples decoded at a time: 0.7 s at 44.1 kHz, so that an excerpt decodes little that it does not need.
SOUNDFILE_BLOCK = 2**15
# Samples decoded and dropped after a seek: AAC's overlapping windows need a frame of 1024, the others none.
PREROLL = 4096
# A header may count the encoder's padding, which the decoder removes: up to two frames of AAC or one of ALAC.
HEADER_SLACK = 4096
# A wav that was written to a pipe states the largest length there is, since its writer could not go back.
UNKNOWN_WAV_BYTES = 2**31 - 2**16
COUNTED_TOO = 32  # bytes, at most, that the length of a chunk counts besides the samples: its header, and filling
UNKNOWN_FRAMES = 2**63 - 1  # what libsndfile says of a FLAC that was written to a pipe
MP3_FRAMES = 4 * 1152  # samples by which libsndfile's guess at the length of an mp3 may be wrong
OGG_PAGE = 65_307  # bytes, at most


@dataclass(frozen=True)
class AudioInfo:
    """What the header of a file says of one audio stream.

    Attributes:
        path: The file.
        sample_rate: In Hz.
        channels: How many.
        frames: Samples per channel, or None where the container's clock does not count samples (webm, mkv).
            FFmpeg may decode a few samples more or fewer than an mp4 states, by the encoder's padding.
        expected_frames: The same, or about as many where they are not counted; None where nothing is known.
        codec: libsndfile's subtype (``PCM_16``, ``FLOAT``, ``VORBIS``) or FFmpeg's codec (``aac``, ``opus``).
        stream: Index of this stream among the file's audio streams.
        streams: How many audio streams the file has.
    """

    path: Path
    sample_rate: int
    channels: int
    frames: int | None
    expected_frames: int | None
    codec: str
    stream: int
    streams: int


class Decoder(Protocol):
    """An open audio file."""

    infos: list[AudioInfo]  # one per audio stream

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as float32 blocks (c t) of any length."""

    def close(self) -> None:
        """Close the file."""


def open_decoder(path: Path) -> Decoder:
    """Open ``path`` with the first library that knows its format; use it with ``contextlib.closing``.

    Raises:
        InputError: No such file, not a file, empty, or not audio.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path.")
    if path.is_dir():
        raise InputError(f"{path} is a folder, where an audio file was expected: name a file in it.")
    if not path.is_file():
        raise InputError(f"{path} is no ordinary file: save what it gives to one first.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes): copy or download it again.")
    try:
        decoder = SoundFileDecoder(path)
        if decoder.infos[0].frames != UNKNOWN_FRAMES:
            return decoder
        decoder.close()
        return FFmpegDecoder(path)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless files named .raw
        return FFmpegDecoder(path)


class SoundFileDecoder:
    """A file that libsndfile reads: one stream, and seeks to any sample."""

    def __init__(self, path: Path) -> None:
        self._file = soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)  # not all names are UTF-8
        file = self._file
        self.infos = [AudioInfo(path, file.samplerate, file.channels, file.frames, file.frames, file.subtype, 0, 1)]

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as blocks (c t) of float32."""
        if start >= self._file.frames:
            return
        end = start
        try:
            if start:  # not every codec can
                self._file.seek(start)
            while len(block := self._file.read(SOUNDFILE_BLOCK, dtype="float32", always_2d=True)):
                end += len(block)
                yield torch.from_numpy(block).T  # (t c) -> (c t)
        except soundfile.LibsndfileError:  # by which it ends a damaged FLAC, a block before the damage
            with closing(FFmpegDecoder(self.infos[0].path, damaged=True)) as other:
                yield from other.decode(0, end)
            return
        path, promised = self.infos[0].path, self._promised_frames()
        if end < promised - (MP3_FRAMES if self._file.format == "MP3" else 0):
            _warn_of_cut(path, f"of the {promised} samples in its header, {end}", stacklevel=2)
        elif self._file.format == "OGG" and not _ends_in_ogg(path):
            _warn_of_cut(path, f"its end is missing, and the {end} samples before it", stacklevel=2)

    def _promised_frames(self) -> int:
        """The length in the header: libsndfile corrects that of a cut file, and tells its log only."""
        file, frames = self._file, int(self._file.frames)
        log = re.search(r"(?:data|SSND|Data [Ss]ize) +: (\d+)\b", file.extra_info)
        if log is None or file.subtype not in SAMPLE_BYTES:
            return frames
        size, frame_bytes = int(log[1]), file.channels * SAMPLE_BYTES[file.subtype]
        unknown = size >= UNKNOWN_WAV_BYTES and file.format not in ("RF64", "W64")
        return frames if unknown or size <= frames * frame_bytes + COUNTED_TOO else size // frame_bytes

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FFmpegDecoder:
    """A file that FFmpeg reads, which may hold several audio streams and other things.

    An excerpt equals the same slice of the whole decode. Where a seek cannot promise that (`_seeks_exactly`),
    the stream is decoded from its start, which takes about a millisecond for each second of AAC.

    Args:
        path: The file.
        damaged: Whether it is known to be so: FFmpeg decodes noise without a word, or skips it, where a checksum of
            FLAC is wrong.

    Raises:
        InputError: It is none that FFmpeg can read.
    """

    def __init__(self, path: Path, damaged: bool = False) -> None:
        try:
            # "file" alone: a playlist in disguise must not make FFmpeg fetch what it lists from the network.
            self._container = av.open(
                str(path.absolute()), options={"protocol_whitelist": "file"}, metadata_errors="replace"
            )
        except (av.FFmpegError, OSError, UnicodeError) as error:
            raise InputError(
                f"{path} is not an audio file that libsndfile or FFmpeg can read, or it is damaged "
                f"({_reason(error)}): check what it is, or convert it to wav."
            ) from error
        if not self._container.streams.audio:
            self._container.close()
            raise InputError(f"{path} has no audio stream: name a file that holds sound.")
        self._path, self._damaged = path, damaged
        self._damaged_packets = 0
        self.infos = [self._describe(stream) for stream in range(len(self._container.streams.audio))]

    def _describe(self, stream: int) -> AudioInfo:
        sources = self._container.streams.audio
        source = sources[stream]
        if source.codec_context is None or not source.codec_context.sample_rate or not source.codec_context.channels:
            raise InputError(
                f"{self._path} is damaged, or of a kind that FFmpeg's libraries cannot read: download it again, or "
                "convert it to wav."
            )
        frames = source.duration if _counts_samples(source) else None
        microseconds = self._container.duration
        expected = frames if frames is not None or not microseconds else round(microseconds / 1e6 * source.rate)
        codec = source.codec_context.name
        return AudioInfo(self._path, source.rate, source.channels, frames, expected, codec, stream, len(sources))

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as blocks (c t) of float32."""
        source = self._container.streams.audio[stream]
        info = self.infos[stream]
        origin = self._origin(source) if self._seeks_exactly(source) else None
        if origin is not None and start > PREROLL:
            self._container.seek(origin + start - PREROLL, stream=source)

        damaged = self._damaged
        decoded = 0  # samples of the stream up to here, counted or by the frames' time stamps
        wanted = start  # the next sample to yield
        for frame in self._frames(source):
            first = decoded if origin is None or frame.pts is None else frame.pts - origin
            decoded = first + frame.samples
            if decoded <= wanted:
                continue
            if first > wanted:  # a damaged packet is missing: silence keeps what follows in its place
                damaged = True
                yield torch.zeros(info.channels, first - wanted)
            yield torch.from_numpy(_to_float32(frame, info))[:, max(wanted - first, 0) :]
            wanted = decoded
        counted = info.frames is not None or "matroska" in self._container.format.name
        if counted and info.expected_frames is not None and wanted < info.expected_frames - HEADER_SLACK:
            _warn_of_cut(self._path, f"of the {info.expected_frames} samples in its header, {wanted}", stacklevel=2)
        elif self._damaged_packets:
            warnings.warn(f"{self._path} is damaged: {self._damaged_packets} packets were skipped.", stacklevel=2)
        elif damaged:
            told = "some of it is silence or noise instead of what was there; copy or download it again"
            warnings.warn(f"{self._path} is damaged: {told}.", stacklevel=2)

    def _origin(self, source: AudioStream) -> int | None:
        """The time stamp of the stream's first sample.

        A whole FLAC may begin in the middle of a broadcast, of which it counts the samples.
        """
        first_is_missing = self._damaged and self._container.format.name == "flac"
        return 0 if first_is_missing else source.start_time

    def _frames(self, source: AudioStream) -> Iterator[AudioFrame]:
        """Decode the packets of ``source`` alone, past those that are damaged."""
        packets = self._container.demux(source)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:  # nothing after it can be found
                packet, self._damaged_packets = None, self._damaged_packets + 1
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._damaged_packets += 1
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))

    def _seeks_exactly(self, source: AudioStream) -> bool:
        """Whether a seek leads to the samples of the whole decode, and time stamps say which they are.

        Codecs that remember more than a frame (Opus, HE-AAC) come back to them slowly. AAC with perceptual
        noise substitution never does, as its noise depends on all that was decoded before. No header tells
        of it, but FFmpeg's encoder uses it by default, so AAC in files that FFmpeg wrote is not trusted.
        MUSDB18 is free of it.
        """
        codec = source.codec_context
        by_ffmpeg = self._container.metadata.get("encoder", "").startswith("Lavf")
        plain_aac = codec.name == "aac" and codec.profile == "LC" and not by_ffmpeg
        return _counts_samples(source) and (plain_aac or codec.name in ("alac", "flac"))

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _counts_samples(source: AudioStream) -> bool:
    """Whether the stream's clock ticks once a sample, as in mp4; Matroska's ticks once a millisecond."""
    return source.time_base == Fraction(1, source.rate) and source.start_time is not None


def _to_float32(frame: AudioFrame, info: AudioInfo) -> np.ndarray:
    """The samples (c t) of a frame, integers scaled to [-1, 1)."""
    samples = frame.to_ndarray()  # planar (c t) or packed (1 t*c)
    if not frame.format.is_planar:
        samples = samples.reshape(frame.samples, -1).T
    if len(samples) != info.channels:
        raise InputError(
            f"{info.path} changes from {info.channels} to {len(samples)} channels midway: convert it to wav."
        )
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:  # the one unsigned format, with its zero at 128
        return (samples.astype(np.float32) - 128) / 128
    return samples.astype(np.float32) / 2.0 ** (8 * samples.itemsize - 1)


def _ends_in_ogg(path: Path) -> bool:
    """Whether the last page of an Ogg file is marked as such."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * OGG_PAGE))
        tail = file.read()
    last = tail.rfind(b"OggS")
    return last < 0 or len(tail) < last + 6 or bool(tail[last + 5] & 4)


def _warn_of_cut(path: Path, what: str, stacklevel: int) -> None:
    warnings.warn(
        f"{path} is cut off or damaged: {what} could be read and are used; copy or download it again to have the rest.",
        stacklevel=1 + stacklevel,
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
