"""Description of an audio stream, and the warning about files that are cut off."""

import warnings
from dataclasses import dataclass
from pathlib import Path

HEADER_SLACK = 4096
"""Samples that a header may count too many: the encoder's padding, up to two frames of AAC or one of ALAC."""


@dataclass(frozen=True)
class AudioInfo:
    """Description of one audio stream, from the header of its file.

    Attributes:
        path: The file.
        sample_rate: In Hz.
        channels: Number of channels.
        frames: Samples per channel; None if the container's clock does not count samples (webm, mkv).
            FFmpeg may decode a few samples more or fewer than an mp4 states, by the encoder's padding;
            `bsroformer.audio.files.measured` corrects this.
        expected_frames: The same, or an estimate if they are not counted; None if unknown.
        codec: libsndfile's subtype (``PCM_16``, ``FLOAT``, ``VORBIS``) or FFmpeg's codec (``aac``, ``opus``).
        stream: Index of this stream among the file's audio streams.
        streams: Number of audio streams in the file.
        layout: FFmpeg's names of more than two channels (``FL``, ``FC``, ``LFE``...); empty if unnamed.
        certain: Whether ``frames`` is the decoded length, not only the header's.
    """

    path: Path
    sample_rate: int
    channels: int
    frames: int | None
    expected_frames: int | None
    codec: str
    stream: int
    streams: int
    layout: tuple[str, ...] = ()
    certain: bool = False


def warn_cut_off(path: Path, read: str, stacklevel: int) -> None:
    """Warn about a file that ends too early."""
    warnings.warn(
        f"{path} is cut off or damaged: {read} could be read and are used; copy or download it again to have it all.",
        stacklevel=1 + stacklevel,
    )
