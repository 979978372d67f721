"""What a visitor takes home of a song: a stem, a mix, or all stems in a zip.

Files are made when they are first asked for and then kept beside the stems, in ``made``.
"""

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock
from weakref import WeakValueDictionary
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import torch
from torch import Tensor

from bsroformer.audio import formats
from bsroformer.audio.encoders import ROUNDED_BITS, Sound
from bsroformer.audio.files import block_writer, blocks, probe
from bsroformer.audio.tags import read_tags
from bsroformer.errors import InputError
from bsroformer.file_names import distinct_names, safe_name
from bsroformer.inference import Delivery
from bsroformer.inference.song_stems import READ_BLOCK
from bsroformer.studio.job import FINISHED, Job
from bsroformer.studio.reserve import Reserve

FORMATS = ("wav", "flac", "mp3")
LOUDEST = 4.0
"""The largest gain of a stem in a mix."""
MIXES_KEPT = 4
"""Of a song: every position of the sliders is another mix."""
ZIP_BLOCK = 2**20
"""Bytes."""

_turns = BoundedSemaphore(2)  # conversions at a time in this process
_locks: WeakValueDictionary[Path, Lock] = WeakValueDictionary()  # of songs that something is being made of
_locks_lock = Lock()


class NotDoneError(Exception):
    """The song has no stems, or not yet."""


class NotMadeError(Exception):
    """A file could not be made, and not by the visitor's fault."""


def formats_of(sample_rate: int) -> tuple[str, ...]:
    """Those in which a song of this rate, Hz, can be had."""
    return tuple(name for name in FORMATS if sample_rate in formats.FORMATS[name].rates)


def stem_in(job: Job, track: int, format: str) -> Path:
    """The file of a stem.

    Args:
        job: The song.
        track: The stem's number, from 1.
        format: One of `formats_of`. In wav it is as it was separated; where that was as float, a flac has 24 bits, and
            what is beyond full scale is cut off.

    Raises:
        InputError: If there is no such format, or no such stem.
        NotDoneError: If the song is not done.
        NotMadeError: If the file cannot be written, or the stem is no more.
    """
    _check(job, format)
    if not 1 <= track <= len(job.files):
        raise InputError(f"There is no stem {track}: take one of 1 to {len(job.files)}.")
    stem = job.files[track - 1]
    if format == "wav":
        return stem
    return _made(job.folder / "made" / f"{track}.{format}", lambda path: _convert(stem, path))


def mix_in(job: Job, levels: Sequence[float], format: str) -> Path:
    """The file of a mix of the stems, which is scaled down as a whole if it would clip.

    The last few of a song are kept.

    Args:
        job: The song.
        levels: Gain of each stem.
        format: One of `formats_of`.

    Raises:
        InputError: If there is no such format, or these are no such levels.
        NotDoneError: If the song is not done.
        NotMadeError: If the file cannot be written, or a stem is no more.
    """
    _check(job, format)
    _check_levels(levels, len(job.files))
    word = hashlib.sha256(repr([float(level) for level in levels]).encode()).hexdigest()[:16]
    path = _made(job.folder / "made" / f"mix.{word}.{format}", lambda path: _mix(job.files, levels, path))
    with suppress(OSError):
        # The last to be asked for is the last to go; when it changed tells browsers that it is the same file.
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    return path


def zip_of(job: Job, format: str) -> Iterator[bytes]:
    """The bytes of a zip of all stems, as they become ready; the first is when this returns.

    Raises:
        InputError: As `stem_in`.
        NotDoneError: As `stem_in`.
        NotMadeError: As `stem_in`, also while the zip is read.
    """
    stem_in(job, 1, format)
    song = safe_name(job.wish.title, "song")
    names = [f"{song}/{name}.{format}" for name in distinct_names(job.wish.names, "stem")]
    return _zipped((stem_in(job, track, format), name) for track, name in enumerate(names, start=1))


def _check(job: Job, format: str) -> None:
    if format not in FORMATS:
        raise InputError(f"format={format[:16]!a} is none of {', '.join(FORMATS)}")
    if job.state in FINISHED and job.state != "done":
        raise NotDoneError("This song has no stems: its separation was ended. Upload it again.")
    if job.state != "done":
        raise NotDoneError("This song is not done yet: its stems can be had when it is.")
    with _telling():
        sample_rate = probe(job.files[0]).sample_rate
    if format not in formats_of(sample_rate):
        known = ", ".join(formats_of(sample_rate))
        raise InputError(f"format={format} cannot have this song's {sample_rate} Hz: choose one of {known}")


def _check_levels(levels: Sequence[float], stems: int) -> None:
    if len(levels) != stems:
        raise InputError(f"levels has {len(levels)} numbers, and the song {stems} stems: give one for each")
    if not all(math.isfinite(level) and 0 <= level <= LOUDEST for level in levels):
        raise InputError(f"levels has a number that is none between 0 and {LOUDEST:g}: give gains, 1 for as it is")
    if not any(levels):
        raise InputError("levels has nothing but zeros, and silence is no mix: give at least one stem a gain above 0")


@contextmanager
def _telling() -> Iterator[None]:
    """Tell what goes wrong with our own files from what a visitor gets wrong; it may name folders of ours."""
    try:
        yield
    except (InputError, OSError) as error:
        raise NotMadeError(str(error)) from error


def _made(path: Path, make: Callable[[Path], None]) -> Path:
    """A file, which is made unless it is there; of a song, one at a time."""
    if not path.exists():
        with _lock_of(path.parent), _turns, _telling():
            if not path.exists():
                if Reserve(path.parent.parent).is_short:
                    raise NotMadeError(f"{path} cannot be written: the disk is nearly full")
                make(path)
    return path


def _lock_of(folder: Path) -> Lock:
    with _locks_lock:
        return _locks.setdefault(folder, Lock())


def _convert(stem: Path, path: Path) -> None:
    """Write a stem in another format."""
    with block_writer(path, _sound(stem, path), probe(stem).frames) as append:
        for block in blocks(stem, READ_BLOCK):
            append(block)


def _mix(stems: Sequence[Path], levels: Sequence[float], path: Path) -> None:
    """Write the sum of stems times gains: it is computed twice, since its last sample may be the loudest."""
    heard = [(stem, level) for stem, level in zip(stems, levels, strict=True) if level > 0]
    sound = _sound(stems[0], path)
    gain = _gain(_sums(heard), sound.subtype)
    _make_room(path.parent)
    with block_writer(path, sound, probe(stems[0]).frames) as append:
        for block in _sums(heard):
            append((gain * block).float())


def _sums(heard: Sequence[tuple[Path, float]]) -> Iterator[Tensor]:
    """Blocks ``(c t)`` of the sum of stems times gains, in float64: sums of 24 bits need more than float32."""
    for pieces in zip(*(blocks(stem, READ_BLOCK) for stem, _ in heard), strict=True):
        yield torch.stack([level * piece for (_, level), piece in zip(heard, pieces, strict=True)]).sum(
            dim=0, dtype=torch.float64
        )


def _gain(pieces: Iterator[Tensor], subtype: str) -> float:
    """What brings all samples of some blocks ``(c t)`` to what a subtype holds, if they are not yet."""
    highest, lowest = 0.0, 0.0
    for piece in pieces:
        highest, lowest = max(highest, float(piece.max())), min(lowest, float(piece.min()))
    ceiling = 1 - 2.0 ** (1 - ROUNDED_BITS[subtype]) if subtype in ROUNDED_BITS else 1.0
    return min(1.0, ceiling / max(highest, ceiling), 1 / max(-lowest, 1.0))


def _sound(stem: Path, path: Path) -> Sound:
    """What is written to a file that comes of a stem."""
    info = probe(stem)
    subtype = Delivery(path.suffix.removeprefix(".")).subtype(info.codec)
    return Sound(info.sample_rate, info.channels, subtype, tags=read_tags(stem))


def _make_room(folder: Path) -> None:
    """Delete the mixes that nobody asked for of late, so that there is room for one more."""
    mixes = sorted(folder.glob("mix.*"), key=lambda path: path.stat().st_atime)
    for path in mixes[: max(len(mixes) - MIXES_KEPT + 1, 0)]:
        path.unlink(missing_ok=True)


class _Outbox:
    """A file whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Put bytes in."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """Take out what is in."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def _zipped(files: Iterator[tuple[Path, str]]) -> Iterator[bytes]:
    """A zip of files by their names in it; past 4 GiB it is a zip64."""
    outbox = _Outbox()
    with ZipFile(outbox, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path, name in files:
            # The size stands in it, by which zipfile chooses between zip and zip64.
            entry = ZipInfo.from_file(path, name, strict_timestamps=False)
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(ZIP_BLOCK):
                    target.write(block)
                    yield outbox.take()
            yield outbox.take()
    yield outbox.take()
