"""Decode with FFmpeg (PyAV), sample exact."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from torch import Tensor

from bsroformer.audio.audio_info import HEADER_SLACK, AudioInfo, warn_of_cut
from bsroformer.audio.containers import channel_names, open_container
from bsroformer.audio.file_tags import is_tag_or_padding
from bsroformer.audio.headers import FFMPEG, Reader, mp3_samples_of_tag
from bsroformer.audio.mpeg_frame import layer_3_frame_bytes
from bsroformer.errors import InputError

# Samples decoded and dropped after a seek: AAC's overlapping windows need a frame of 1024, the others none.
PREROLL = 4096
SILENT_BLOCK = 2**16
"""Samples of silence yielded at a time."""
MAX_GAP_S = 60
"""Longest gap in the time stamps of a file of unknown length, in seconds."""


class FFmpegDecoder:
    """A file that FFmpeg reads, which may hold several audio streams and other things.

    An excerpt equals the same slice of the whole decode. Where a seek cannot promise that (`_seeks_exactly`),
    the stream is decoded from its start, which takes about a millisecond for each second of AAC.

    Args:
        path: The file.
        reader: How it is to be read: by its own time stamps and length, or counting.
        damaged: Whether it is known to be so: FFmpeg decodes noise without a word, or skips it, where a checksum of
            FLAC is wrong.

    Raises:
        InputError: It is none that FFmpeg can read.
    """

    def __init__(self, path: Path, reader: Reader = FFMPEG, damaged: bool = False) -> None:
        self._path, self._reader, self._damaged = path, reader, damaged
        try:
            self._container = self._open()
        except (av.FFmpegError, OSError, UnicodeError) as error:
            raise InputError(
                f"{path} is not an audio file that libsndfile or FFmpeg can read, or it is damaged "
                f"({_reason(error)}): check what it is, or convert it to wav."
            ) from error
        if not self._container.streams.audio:
            self._container.close()
            raise InputError(f"{path} has no audio stream: name a file that holds sound.")
        self._damaged_packets = 0
        self._last_packet = b""
        self.infos = [self._describe(stream) for stream in range(len(self._container.streams.audio))]

    def _open(self) -> InputContainer:
        return open_container(str(self._path.absolute()))

    def _describe(self, stream: int) -> AudioInfo:
        sources = self._container.streams.audio
        source = sources[stream]
        if source.codec_context is None or not source.codec_context.sample_rate or not source.codec_context.channels:
            raise InputError(
                f"{self._path} is damaged, or of a kind that FFmpeg's libraries cannot read: download it again, or "
                "convert it to wav."
            )
        counts = _counts_samples(source) and not self._reader.sequential
        frames = source.duration if counts else None
        microseconds = self._container.duration
        expected = frames if frames is not None or not microseconds else round(microseconds / 1e6 * source.rate)
        codec = source.codec_context.name
        names = channel_names(source)
        return AudioInfo(self._path, source.rate, source.channels, frames, expected, codec, stream, len(sources), names)

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as blocks (c t) of float32."""
        info = self.infos[stream]
        source, origin = self._at(stream, start)
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
                yield from self._silence(info, wanted, first)
            yield torch.from_numpy(_to_float32(frame, info))[:, max(wanted - first, 0) :]
            wanted = decoded
        promised = self._promised(info)
        if promised is not None and wanted < promised - HEADER_SLACK:
            warn_of_cut(self._path, f"of the {promised} samples in its header, {wanted}", stacklevel=2)
        elif promised is None and info.codec.startswith("mp3") and self._last_frame_is_cut():
            warn_of_cut(self._path, f"its last frame is incomplete, and {wanted} samples", stacklevel=2)
        elif self._damaged_packets:
            warnings.warn(f"{self._path} is damaged: {self._damaged_packets} packets were skipped.", stacklevel=2)
        elif damaged:
            told = "some of it is silence or noise instead of what was there; copy or download it again"
            warnings.warn(f"{self._path} is damaged: {told}.", stacklevel=2)

    def end(self, stream: int) -> int | None:
        """Find the samples per channel of a stream by the time stamps of its last frames.

        The header of an mp4 counts what was encoded, while FFmpeg decodes the last frame whole.

        Returns:
            None if all of them have to be counted: without time stamps, or where packets are uneven or missing.
        """
        source, frames = self._container.streams.audio[stream], self.infos[stream].frames
        if not frames or not _is_even(source):
            return None
        origin, end = source.start_time or 0, None
        try:
            self._container.seek(origin + max(0, frames - PREROLL), stream=source)
            for frame in self._frames(source):
                end = None if frame.pts is None else frame.pts + frame.samples - origin
        except av.FFmpegError:
            return None
        return None if self._damaged_packets else end

    def _at(self, stream: int, start: int) -> tuple[AudioStream, int | None]:
        """The stream, shortly before a sample if it can be sought and else at its beginning; and its `_origin`.

        In a file that is cut off a seek may fail, so that it is opened again.
        """
        source = self._container.streams.audio[stream]
        origin = self._origin(source) if self._seeks_exactly(source) else None
        if origin is not None and start > PREROLL:
            try:
                self._container.seek(origin + start - PREROLL, stream=source)
            except av.FFmpegError:
                self._container.close()
                self._container = self._open()
                source = self._container.streams.audio[stream]
        return source, origin

    def _silence(self, info: AudioInfo, start: int, end: int) -> Iterator[Tensor]:
        """Silence in place of what is missing, in blocks.

        Raises:
            InputError: If the time stamps leave more room than the header promises: the file may say anything.
        """
        expected = info.expected_frames
        limit = start + MAX_GAP_S * info.sample_rate if expected is None else expected + HEADER_SLACK
        if end > limit:
            raise InputError(
                f"{self._path} is damaged: its time stamps jump from sample {start} to {end}, "
                f"beyond its {'length' if expected is not None else 'end'}; convert it to wav, or download it again."
            )
        for first in range(start, end, SILENT_BLOCK):
            yield torch.zeros(info.channels, min(SILENT_BLOCK, end - first))

    def _promised(self, info: AudioInfo) -> int | None:
        """How many samples the header counts, if it does; the length of some formats is a guess from their size."""
        if info.codec.startswith("mp3"):
            return mp3_samples_of_tag(self._path)
        counted = info.frames is not None or "matroska" in self._container.format.name
        return info.expected_frames if counted else None

    def _last_frame_is_cut(self) -> bool:
        """Whether the last packet is shorter than the header of its frame of mp3 says."""
        stated = layer_3_frame_bytes(self._last_packet)
        return stated is not None and len(self._last_packet) < stated

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
            if packet.size:
                self._last_packet = bytes(packet)
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._damaged_packets += not is_tag_or_padding(bytes(packet))
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))

    def _seeks_exactly(self, source: AudioStream) -> bool:
        """Whether a seek leads to the samples of the whole decode, and time stamps say which they are.

        Codecs that remember more than a frame (Opus, HE-AAC) come back to them slowly. AAC with perceptual
        noise substitution never does, as its noise depends on all that was decoded before. No header tells
        of it, but FFmpeg's encoder uses it by default, so AAC in files that FFmpeg wrote is not trusted.
        MUSDB18 is free of it. Seeks in Ogg lead to the wrong page near its end.
        """
        codec = source.codec_context
        by_ffmpeg = self._container.metadata.get("encoder", "").startswith("Lavf")
        plain_aac = codec.name == "aac" and codec.profile == "LC" and not by_ffmpeg
        by_pages = self._container.format.name == "ogg"
        timed = _counts_samples(source) and not self._reader.sequential and not by_pages
        return timed and (plain_aac or codec.name in ("alac", "flac"))

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _counts_samples(source: AudioStream) -> bool:
    """Whether the stream's clock ticks once a sample, as in mp4; Matroska's ticks once a millisecond."""
    return source.time_base == Fraction(1, source.rate) and source.start_time is not None


def _is_even(source: AudioStream) -> bool:
    """Whether the packets of a stream follow each other without a gap, by the container's index if it has one."""
    index = source.index_entries
    if len(index) < 2:
        return True
    first, step = index[0].timestamp, index[1].timestamp - index[0].timestamp
    return index[-1].timestamp - first == step * (len(index) - 1)


def _to_float32(frame: AudioFrame, info: AudioInfo) -> np.ndarray:
    """The samples (c t) of a frame, integers scaled to [-1, 1)."""
    if frame.sample_rate != info.sample_rate:
        raise InputError(
            f"{info.path} changes from {info.sample_rate} Hz to {frame.sample_rate} Hz midway: convert it to wav."
        )
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


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
