"""What a file says of its audio, and how a decoder tells that it says too much."""

import warnings
from dataclasses import dataclass
from pathlib import Path

# A header may count the encoder's padding, which the decoder removes: up to two frames of AAC or one of ALAC.
HEADER_SLACK = 4096


@dataclass(frozen=True)
class AudioInfo:
    """What the header of a file says of one audio stream.

    Attributes:
        path: The file.
        sample_rate: In Hz.
        channels: How many.
        frames: Samples per channel, or None where the container's clock does not count samples (webm, mkv).
            FFmpeg may decode a few samples more or fewer than an mp4 states, by the encoder's padding;
            `bsroformer.audio.files.measured` corrects this.
        expected_frames: The same, or about as many where they are not counted; None where nothing is known.
        codec: libsndfile's subtype (``PCM_16``, ``FLOAT``, ``VORBIS``) or FFmpeg's codec (``aac``, ``opus``).
        stream: Index of this stream among the file's audio streams.
        streams: How many audio streams the file has.
        layout: FFmpeg's names of the channels (``FL``, ``FC``, ``LFE``...), of more than two; empty if they have none.
        certain: Whether ``frames`` is the length of what is decoded, not only what the header states.
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


def warn_of_cut(path: Path, what: str, stacklevel: int) -> None:
    """Warn of a file that ends too early."""
    warnings.warn(
        f"{path} is cut off or damaged: {what} could be read and are used; copy or download it again to have the rest.",
        stacklevel=1 + stacklevel,
    )
