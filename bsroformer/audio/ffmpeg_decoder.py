"""Sample-exact decoding with FFmpeg (PyAV)."""

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

from bsroformer.audio.audio_info import HEADER_SLACK, AudioInfo, warn_cut_off
from bsroformer.audio.containers import channel_names, open_container
from bsroformer.audio.headers import FFMPEG, Reader, read_xing_samples
from bsroformer.audio.mpeg_frame import layer_3_frame_bytes
from bsroformer.audio.tag_bytes import is_tag_or_padding
from bsroformer.errors import InputError
from bsroformer.text import count

PREROLL = 4096
"""Samples dropped after a seek: AAC's overlapping windows need a frame of 1024, other codecs none."""
SILENT_BLOCK = 2**16
"""Samples of silence that are yielded at a time."""
MAX_GAP_S = 60
"""Longest gap in the time stamps of a file of unknown length, in seconds."""


class FFmpegDecoder:
    """A file that FFmpeg reads, with any number of audio and other streams.

    An excerpt equals the same slice of the whole decode. Unless a seek is exact (`_seeks_exactly`), the stream is
    decoded from its start, which takes about a millisecond for each second of AAC.

    Args:
        path: The file.
        reader: Read it by its own time stamps and length, or by counting.
        damaged: The file is known to be damaged: FFmpeg decodes or skips a FLAC's frames of wrong checksums without a
            warning.

    Raises:
        InputError: FFmpeg cannot read the file.
    """

    def __init__(self, path: Path, reader: Reader = FFMPEG, damaged: bool = False) -> None:
        self._path = path
        self._reader = reader
        self._damaged = damaged
        try:
            self._container = self._open()
        except (av.FFmpegError, OSError, UnicodeError) as error:
            raise InputError(
                f"{path} is not an audio file that libsndfile or FFmpeg can read, or it is damaged "
                f"({_reason(error)}); check what it is, or convert it to wav."
            ) from error
        if not self._container.streams.audio:
            self._container.close()
            raise InputError(f"{path} has no audio stream; name a file that holds sound.")
        self._damaged_packets = 0
        self._last_packet = b""
        self.infos = [self._describe(stream) for stream in range(len(self._container.streams.audio))]

    def _open(self) -> InputContainer:
        return open_container(str(self._path.absolute()))

    def _describe(self, stream: int) -> AudioInfo:
        sources = self._container.streams.audio
        source = sources[stream]
        codec = source.codec_context
        if codec is None or not codec.sample_rate or not codec.channels:
            raise InputError(
                f"{self._path} is damaged, or of a kind that FFmpeg's libraries cannot read; download it again, or "
                "convert it to wav."
            )
        counts = _counts_samples(source) and not self._reader.sequential
        frames = source.duration if counts else None
        expected = frames
        microseconds = self._container.duration
        if frames is None and microseconds:
            expected = round(microseconds / 1e6 * source.rate)
        return AudioInfo(
            self._path,
            source.rate,
            source.channels,
            frames,
            expected,
            codec.name,
            stream,
            len(sources),
            channel_names(source),
        )

    def decode(self, stream: int, start: int) -> Iterator[Tensor]:
        """Yield the samples from ``start`` to the end as blocks (c t) of float32."""
        info = self.infos[stream]
        source, origin = self._at(stream, start)
        damaged = self._damaged
        decoded = 0  # samples of the stream so far, counted or by the frames' time stamps
        wanted = start  # the next sample to yield
        for frame in self._frames(source):
            first = decoded if origin is None or frame.pts is None else frame.pts - origin
            decoded = first + frame.samples
            if decoded <= wanted:
                continue
            if first > wanted:  # a damaged packet is missing: silence keeps the position of later samples
                damaged = True
                yield from self._silence(info, wanted, first)
            yield torch.from_numpy(_to_float32(frame, info))[:, max(wanted - first, 0) :]
            wanted = decoded
        self._warn_if_damaged(info, wanted, damaged)

    def _warn_if_damaged(self, info: AudioInfo, decoded: int, damaged: bool) -> None:
        """Warn about damage in a stream that is decoded up to a sample."""
        stated = self._stated_samples(info)
        if stated is not None and decoded < stated - HEADER_SLACK:
            warn_cut_off(self._path, f"of the {stated} samples in its header, {decoded}", stacklevel=3)
        elif stated is None and info.codec.startswith("mp3") and self._last_frame_is_cut():
            warn_cut_off(self._path, f"its last frame is incomplete, and {decoded} samples", stacklevel=3)
        elif self._damaged_packets:
            skipped = count(self._damaged_packets, "packet")
            warnings.warn(f"{self._path} is damaged: {skipped} skipped.", stacklevel=3)
        elif damaged:
            warnings.warn(
                f"{self._path} is damaged: some of it is silence or noise; copy or download it again.",
                stacklevel=3,
            )

    def end(self, stream: int) -> int | None:
        """Find the samples per channel of a stream by the time stamps of its last frames.

        The header of an mp4 counts the encoded samples, while FFmpeg decodes the last frame whole.

        Returns:
            None if all of them have to be counted: without time stamps, or with uneven or missing packets.
        """
        source = self._container.streams.audio[stream]
        frames = self.infos[stream].frames
        if not frames or not _is_even(source):
            return None
        origin = source.start_time or 0
        end = None
        try:
            self._container.seek(origin + max(0, frames - PREROLL), stream=source)
            for frame in self._frames(source):
                end = None if frame.pts is None else frame.pts + frame.samples - origin
        except av.FFmpegError:
            return None
        return None if self._damaged_packets else end

    def _at(self, stream: int, start: int) -> tuple[AudioStream, int | None]:
        """Seek to shortly before a sample, or to the beginning.

        Returns the stream, and its `_origin` if seeks are exact. A seek in a file that is cut off may fail; the file is
        opened again then.
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
        """Yield silence for missing samples, in blocks.

        Raises:
            InputError: If the time stamps exceed the length in the header, as they may in an unknown file.
        """
        expected = info.expected_frames
        limit = start + MAX_GAP_S * info.sample_rate if expected is None else expected + HEADER_SLACK
        if end > limit:
            bound = "end" if expected is None else "length"
            raise InputError(
                f"{self._path} is damaged: its time stamps jump from sample {start} to {end}, beyond its {bound}; "
                "convert it to wav, or download it again."
            )
        for first in range(start, end, SILENT_BLOCK):
            yield torch.zeros(info.channels, min(SILENT_BLOCK, end - first))

    def _stated_samples(self, info: AudioInfo) -> int | None:
        """Return the samples that the header counts.

        None for formats whose length is estimated from the file's size.
        """
        if info.codec.startswith("mp3"):
            return read_xing_samples(self._path)
        counted = info.frames is not None or "matroska" in self._container.format.name
        return info.expected_frames if counted else None

    def _last_frame_is_cut(self) -> bool:
        """Check whether the last packet is shorter than the size in its mp3 frame header."""
        stated = layer_3_frame_bytes(self._last_packet)
        return stated is not None and len(self._last_packet) < stated

    def _origin(self, source: AudioStream) -> int | None:
        """Return the time stamp of the stream's first sample.

        A complete FLAC may start in the middle of a broadcast and count from its beginning.
        """
        first_is_missing = self._damaged and self._container.format.name == "flac"
        return 0 if first_is_missing else source.start_time

    def _frames(self, source: AudioStream) -> Iterator[AudioFrame]:
        """Decode the packets of one stream and skip damaged ones."""
        packets = self._container.demux(source)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:  # no later packet can be found
                packet = None
                self._damaged_packets += 1
            if packet is None:
                return
            if packet.size:
                self._last_packet = bytes(packet)
            try:
                frames = packet.decode()
            except av.FFmpegError:
                if not is_tag_or_padding(bytes(packet)):
                    self._damaged_packets += 1
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))

    def _seeks_exactly(self, source: AudioStream) -> bool:
        """Check whether samples after a seek equal those of the whole decode.

        Codecs with memory beyond a frame (Opus, HE-AAC) converge slowly. AAC with perceptual noise substitution never
        does, as its noise depends on all earlier samples. No header states it, but FFmpeg's encoder uses it by
        default, so AAC in files by FFmpeg is excluded. MUSDB18 does not use it. Seeks in Ogg reach the wrong page near
        its end.
        """
        codec = source.codec_context
        by_ffmpeg = self._container.metadata.get("encoder", "").startswith("Lavf")
        plain_aac = codec.name == "aac" and codec.profile == "LC" and not by_ffmpeg
        is_ogg = self._container.format.name == "ogg"
        has_time_stamps = _counts_samples(source) and not self._reader.sequential and not is_ogg
        return has_time_stamps and (plain_aac or codec.name in ("alac", "flac"))

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _counts_samples(source: AudioStream) -> bool:
    """Check whether the stream's clock ticks once a sample, as in mp4.

    Matroska's ticks once a millisecond.
    """
    return source.time_base == Fraction(1, source.rate) and source.start_time is not None


def _is_even(source: AudioStream) -> bool:
    """Check in the container's index that the packets have no gaps."""
    index = source.index_entries
    if len(index) < 2:
        return True
    first = index[0].timestamp
    step = index[1].timestamp - first
    return index[-1].timestamp - first == step * (len(index) - 1)


def _to_float32(frame: AudioFrame, info: AudioInfo) -> np.ndarray:
    """Convert a frame to samples (c t); integers are scaled to [-1, 1)."""
    if frame.sample_rate != info.sample_rate:
        raise InputError(
            f"{info.path} changes from {info.sample_rate} Hz to {frame.sample_rate} Hz midway; convert it to wav."
        )
    samples = frame.to_ndarray()  # planar (c t) or packed (1 t*c)
    if not frame.format.is_planar:
        samples = samples.reshape(frame.samples, -1).T
    if len(samples) != info.channels:
        raise InputError(
            f"{info.path} changes from {info.channels} to {len(samples)} channels midway; convert it to wav."
        )
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:  # the only unsigned format; its zero is 128
        return (samples.astype(np.float32) - 128) / 128
    return samples.astype(np.float32) / 2.0 ** (8 * samples.itemsize - 1)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
