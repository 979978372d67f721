"""Pictures and sounds as parts of a page: data URIs, so that the page is one file."""

import base64
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bsroformer.audio.encoders import Sound
from bsroformer.audio.files import probe, read
from bsroformer.audio.formats import FORMATS
from bsroformer.audio.writer import block_writer
from bsroformer.errors import InputError

LONGEST_SECONDS = 15
"""Of a sound in a page: 0.3 MB at `KBITS`."""
KBITS = 128
TYPES = {".png": "image/png", ".mp3": "audio/mpeg", ".flac": "audio/flac"}


def picture(path: Path) -> str | None:
    """A picture for the ``src`` of a page; None if there is no such file."""
    return data_uri(path) if path.is_file() else None


def sound(path: Path) -> str | None:
    """The first seconds of a sound for the ``src`` of a page; None if there is no such file, or no sound in it.

    MP3 plays everywhere; FLAC has the rates and channels that MP3 lacks.
    """
    try:
        return _encoded(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, InputError):  # a model that has gone wrong separates NaN
        return None


@lru_cache(maxsize=64)
def _encoded(path: Path, modified: int) -> str:
    """`sound`, remembered while the file stays as it was `modified`: targets are the same in every report."""
    info = probe(path)
    audio, rate = read(path, frames=LONGEST_SECONDS * info.sample_rate)
    lossy = rate in FORMATS["mp3"].rates and len(audio) <= 2
    suffix, subtype = (".mp3", "MP3") if lossy else (".flac", "PCM_16")
    with TemporaryDirectory() as folder:
        encoded = Path(folder) / f"sound{suffix}"
        with block_writer(encoded, Sound(rate, len(audio), subtype, KBITS)) as append:
            append(audio)
        return data_uri(encoded)


def data_uri(path: Path) -> str:
    """A file's bytes as a data URI."""
    return f"data:{TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
