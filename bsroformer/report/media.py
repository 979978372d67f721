"""Sounds in a page as data URIs, so that the page is one file."""

import base64
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor

from bsroformer.audio.encoders import EncodingSpec
from bsroformer.audio.files import probe, read
from bsroformer.audio.formats import FORMATS
from bsroformer.audio.writer import block_writer
from bsroformer.errors import InputError

LONGEST_SECONDS = 15
"""Longest sound in a page: 0.3 MB at `KBITS`."""
KBITS = 128
"""Bit rate of MP3; LAME attenuates all sounds by 0.4 dB at this rate."""
LOUDEST = 10 ** (-1 / 20)
"""Highest encoded peak: 1 dB below full scale, since lossy coding raises peaks."""
MEDIA_TYPES = {
    ".png": "image/png",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    **{f".{suffix}": kind.media_type for suffix, kind in FORMATS.items()},
}
"""MIME types by suffix."""


def sounds(paths: Sequence[Path]) -> list[str | None]:
    """Encode the first seconds of related sounds, for the ``src`` of players.

    If one would clip, all are attenuated equally, so that their levels compare.

    Args:
        paths: Their files.

    Returns:
        A source for each; None if the file is missing or is not audio.
    """
    stamps = [path.stat().st_mtime_ns if path.is_file() else None for path in paths]
    peaks = [None if stamp is None else _peak(path, stamp) for path, stamp in zip(paths, stamps, strict=True)]
    gain = gain_of(peak for peak in peaks if peak is not None)
    sources: list[str | None] = []
    for path, stamp, peak in zip(paths, stamps, peaks, strict=True):
        is_audible = stamp is not None and peak is not None
        sources.append(_encoded_file(path, stamp, gain) if is_audible else None)
    return sources


def gain_of(peaks: Iterable[float]) -> float:
    """Compute the gain at which no sound with these peaks clips, at most 1."""
    return min(1.0, LOUDEST / max((*peaks, LOUDEST)))


@lru_cache(maxsize=64)
def _peak(path: Path, modified: int) -> float | None:
    """Find the highest sample.

    It is None for unreadable audio. The result is cached for a file and its time `modified`.
    """
    try:
        return float(_beginning(path)[0].abs().max())
    except InputError:  # NaN from a diverged model
        return None


@lru_cache(maxsize=64)
def _encoded_file(path: Path, modified: int, gain: float) -> str:
    """Encode a file's sound, cached like `_peak`, since targets do not change."""
    audio, rate = _beginning(path)
    return encoded(gain * audio, rate)


def _beginning(path: Path) -> tuple[Tensor, int]:
    return read(path, frames=LONGEST_SECONDS * probe(path).sample_rate)


def encoded(audio: Tensor, rate: int) -> str:
    """Encode a sound (c t) for the ``src`` of a player.

    MP3 plays everywhere; FLAC supports the rates and channels that MP3 lacks.
    """
    channels = len(audio)
    suffix, subtype = ("mp3", "MP3") if FORMATS["mp3"].supports(rate, channels) else ("flac", "PCM_16")
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"sound.{suffix}"
        with block_writer(file, EncodingSpec(rate, channels, subtype, KBITS, quick=True)) as append:
            append(audio)
        return data_uri(file.read_bytes(), file.suffix)


def data_uri(data: bytes, suffix: str) -> str:
    """Convert a file's bytes to a data URI of the suffix's type."""
    return f"data:{MEDIA_TYPES[suffix]};base64,{base64.b64encode(data).decode('ascii')}"
