"""Table of the audio file formats that can be written.

Other modules read from it, so that a new format is one entry here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bsroformer.errors import InputError

SAMPLE_BYTES = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
MAX_LOSSY_CHANNELS = 2


@dataclass(frozen=True)
class Format:
    """Properties of an audio file format.

    Attributes:
        name: Name of the container in the library that writes it.
        subtypes: Ways to store a sample, by libsndfile's names, the default first; lossy formats have one.
        media_type: MIME type.
        codec: FFmpeg's encoder; empty for formats that libsndfile writes.
        rates: Supported sample rates in Hz.
        lossy: Whether decoding gives other samples than were encoded.
        keeps_tags: Whether it keeps tags, so that stems may be delivered in it.
        plays_in_browsers: Whether the studio offers it as a download.
        max_bytes: Largest file of the container; 0 without a limit.
        large_name: Name of the container that replaces it beyond `max_bytes`.
        clock_option: FFmpeg's option for the container's ticks a second, which is set to the sample rate.
        quick_options: FFmpeg's options of the encoder that trade quality for speed.
        quality_kbits: Bit rates of 44.1 kHz stereo in kbit/s at quality 0, 0.1, ... 1, if the encoder takes a quality.
    """

    name: str
    subtypes: tuple[str, ...]
    media_type: str
    codec: str = ""
    rates: range | tuple[int, ...] = range(1, 2**31)
    lossy: bool = False
    keeps_tags: bool = True
    plays_in_browsers: bool = False
    max_bytes: int = 0
    large_name: str = ""
    clock_option: str = ""
    quick_options: Mapping[str, str] = field(default_factory=dict)
    quality_kbits: tuple[int, ...] = ()

    def supports(self, sample_rate: int, channels: int) -> bool:
        """Check that a file may have a sample rate in Hz and a number of channels."""
        return sample_rate in self.rates and (not self.lossy or channels <= MAX_LOSSY_CHANNELS)


_WAV_SUBTYPES = ("FLOAT", "PCM_24", "PCM_16", "PCM_32", "PCM_U8", "DOUBLE")
_MP3_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
FORMATS = {
    "wav": Format(
        name="WAV",
        subtypes=_WAV_SUBTYPES,
        media_type="audio/wav",
        plays_in_browsers=True,
        max_bytes=2**32 - 2**12,  # it counts bytes in 32 bits, header included
        large_name="RF64",
    ),
    "flac": Format(
        name="FLAC",
        subtypes=("PCM_24", "PCM_16", "PCM_S8"),
        media_type="audio/flac",
        rates=range(1, 655_351),
        plays_in_browsers=True,
    ),
    "mp3": Format(
        name="mp3",
        subtypes=("MP3",),
        media_type="audio/mpeg",
        codec="libmp3lame",
        rates=_MP3_RATES,
        lossy=True,
        plays_in_browsers=True,
        quick_options={"compression_level": "7"},
    ),
    "ogg": Format(
        name="OGG",
        subtypes=("VORBIS",),
        media_type="audio/ogg",
        rates=range(8000, 192_001),
        lossy=True,
        quality_kbits=(64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500),
    ),
    "m4a": Format(
        name="ipod",
        subtypes=("AAC",),
        media_type="audio/mp4",
        codec="aac",
        rates=(7350, *_MP3_RATES, 64_000, 88_200, 96_000),
        lossy=True,
        clock_option="movie_timescale",  # milliseconds by default, which would round the file's length
    ),
    "w64": Format(name="W64", subtypes=_WAV_SUBTYPES, media_type="audio/x-w64", keeps_tags=False),
}
DELIVERED = tuple(suffix for suffix, kind in FORMATS.items() if kind.keeps_tags)
"""Formats in which stems may be delivered."""
DOWNLOADED = tuple(suffix for suffix, kind in FORMATS.items() if kind.plays_in_browsers)
"""Formats that the studio offers."""


def format_of(path: Path) -> Format:
    """Look up the format of a file by its suffix.

    Raises:
        InputError: If the format cannot be written.
    """
    try:
        return FORMATS[path.suffix.lower().removeprefix(".")]
    except KeyError:
        suffixes = ", ".join(f".{name}" for name in FORMATS)
        raise InputError(f"{path} cannot be written; name a file that ends in one of {suffixes}.") from None


def check_encoding(path: Path, sample_rate: int, channels: int, subtype: str) -> None:
    """Make sure that a file's format supports its rate, channels and subtype.

    Raises:
        InputError: If it does not.
    """
    kind = format_of(path)
    if subtype not in kind.subtypes:
        raise InputError(f"{path} cannot hold the subtype {subtype}; choose one of {', '.join(kind.subtypes)}.")
    if sample_rate not in kind.rates:
        raise InputError(f"{path} cannot have a sample rate of {sample_rate} Hz; choose .wav.")
    if not kind.supports(sample_rate, channels):
        raise InputError(f"{path} cannot have {channels} channels; choose .wav or .flac.")
