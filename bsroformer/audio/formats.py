"""What each format that can be written holds."""

from dataclasses import dataclass
from pathlib import Path

from bsroformer.errors import InputError

SAMPLE_BYTES = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: In the words of the library that writes it.
        subtypes: How it can store a sample, in libsndfile's words; lossy formats have one way.
        rates: The sample rates that it can have, in Hz.
        lossy: Whether it stores something like the samples instead of them.
    """

    name: str
    subtypes: tuple[str, ...]
    rates: range | tuple[int, ...] = range(1, 2**31)
    lossy: bool = False


_WAV = ("FLOAT", "PCM_24", "PCM_16", "PCM_32", "PCM_U8", "DOUBLE")
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
FORMATS = {
    "wav": Format("WAV", _WAV),
    "flac": Format("FLAC", ("PCM_24", "PCM_16", "PCM_S8"), range(1, 655_351)),
    "mp3": Format("mp3", ("MP3",), _MP3_RATES, lossy=True),
    "ogg": Format("OGG", ("VORBIS",), range(8000, 192_001), lossy=True),
    "m4a": Format("ipod", ("AAC",), (7350, *_MP3_RATES, 64_000, 88_200, 96_000), lossy=True),
    "w64": Format("W64", _WAV),
}


def format_of(path: Path) -> Format:
    """The format that the name of a file ends in.

    Raises:
        InputError: If it is none that can be written.
    """
    try:
        return FORMATS[path.suffix.lower().removeprefix(".")]
    except KeyError:
        suffixes = ", ".join(f".{name}" for name in FORMATS)
        raise InputError(f"{path} cannot be written: name a file that ends in one of {suffixes}.") from None


def check_sound(path: Path, sample_rate: int, channels: int, subtype: str) -> None:
    """Make sure that a file's format can hold a sound.

    Raises:
        InputError: If it cannot.
    """
    kind = format_of(path)
    if subtype not in kind.subtypes:
        raise InputError(f"{path} cannot hold the subtype {subtype}: choose one of {', '.join(kind.subtypes)}.")
    if sample_rate not in kind.rates:
        raise InputError(f"{path} cannot have a sample rate of {sample_rate} Hz: choose .wav.")
    if kind.lossy and channels > 2:
        raise InputError(f"{path} cannot have {channels} channels: choose .wav or .flac.")
