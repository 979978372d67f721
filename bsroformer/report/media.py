"""Sounds as parts of a page: data URIs, so that the page is one file."""

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
"""Of a sound in a page: 0.3 MB at `KBITS`."""
KBITS = 128
"""Of MP3, which LAME turns down by 0.4 dB at this rate: all sounds alike."""
LOUDEST = 10 ** (-1 / 20)
"""Peak of what is encoded: 1 dB below full scale, since a lossy copy swings further than its original."""
MEDIA_TYPES = {
    ".png": "image/png",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    **{f".{suffix}": kind.media_type for suffix, kind in FORMATS.items()},
}
"""MIME types by suffix."""


def sounds(paths: Sequence[Path]) -> list[str | None]:
    """The first seconds of sounds that belong together, for the ``src`` of players.

    If one would clip, all are turned down alike, so that their levels compare.

    Args:
        paths: Their files.

    Returns:
        A source for each; None if there is no such file, or no sound in it.
    """
    stamps = [path.stat().st_mtime_ns if path.is_file() else None for path in paths]
    peaks = [None if stamp is None else _peak(path, stamp) for path, stamp in zip(paths, stamps, strict=True)]
    gain = gain_of(peak for peak in peaks if peak is not None)
    return [
        None if stamp is None or peak is None else _encoded_file(path, stamp, gain)
        for path, stamp, peak in zip(paths, stamps, peaks, strict=True)
    ]


def gain_of(peaks: Iterable[float]) -> float:
    """By what sounds with these peaks are to be multiplied, so that none of them clips; 1 if none does."""
    return min(1.0, LOUDEST / max((*peaks, LOUDEST)))


@lru_cache(maxsize=64)
def _peak(path: Path, modified: int) -> float | None:
    """The highest sample; None for what cannot be heard. Remembered while the file stays as it was `modified`."""
    try:
        return float(_beginning(path)[0].abs().max())
    except InputError:  # a model that has gone wrong separates NaN
        return None


@lru_cache(maxsize=64)
def _encoded_file(path: Path, modified: int, gain: float) -> str:
    """The sound of a file, remembered as `_peak` is: targets are the same in every report."""
    audio, rate = _beginning(path)
    return encoded(gain * audio, rate)


def _beginning(path: Path) -> tuple[Tensor, int]:
    return read(path, frames=LONGEST_SECONDS * probe(path).sample_rate)


def encoded(audio: Tensor, rate: int) -> str:
    """A sound (c t) for the ``src`` of a player.

    MP3 plays everywhere; FLAC has the rates and channels that MP3 lacks.
    """
    channels = len(audio)
    suffix, subtype = ("mp3", "MP3") if FORMATS["mp3"].supports(rate, channels) else ("flac", "PCM_16")
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"sound.{suffix}"
        with block_writer(file, EncodingSpec(rate, channels, subtype, KBITS, quick=True)) as append:
            append(audio)
        return data_uri(file.read_bytes(), file.suffix)


def data_uri(data: bytes, suffix: str) -> str:
    """A file's bytes as a data URI; the suffix says what they are."""
    return f"data:{MEDIA_TYPES[suffix]};base64,{base64.b64encode(data).decode('ascii')}"
