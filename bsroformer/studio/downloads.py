"""Downloads of a song: a stem, a mix or a zip; created on request, then kept."""

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock
from weakref import WeakValueDictionary
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import torch
from torch import Tensor

from bsroformer.audio.encoders import ROUNDED_BITS, EncodingSpec
from bsroformer.audio.files import AudioInfo, block_writer, blocks, probe
from bsroformer.audio.formats import DOWNLOADED, FORMATS
from bsroformer.audio.tags import read_model, read_tags
from bsroformer.errors import InputError
from bsroformer.file_names import distinct_names, safe_name
from bsroformer.inference import Delivery
from bsroformer.inference.song_stems import READ_BLOCK
from bsroformer.studio.job import FINISHED, Job
from bsroformer.studio.workspace import is_nearly_full

MAX_GAIN = 4.0
"""Of a stem in a mix."""
MIXES_KEPT = 4
"""Of a song: each position of the sliders is another mix."""
ZIP_BLOCK = 2**20
"""Bytes."""

_conversions = BoundedSemaphore(2)  # at a time in this process
_locks: WeakValueDictionary[Path, Lock] = WeakValueDictionary()  # by the song's folder of created files
_locks_lock = Lock()


class NotDoneError(Exception):
    """The song has no stems, or not yet."""


class NotCreatedError(Exception):
    """A file could not be created, for a reason on the server's side."""


def formats_of(sample_rate: int) -> tuple[str, ...]:
    """Return the formats that support a sample rate in Hz."""
    return tuple(name for name in DOWNLOADED if sample_rate in FORMATS[name].rates)


def stem_in(job: Job, track: int, format: str) -> Path:
    """Return the file of a stem.

    Args:
        job: The song.
        track: The stem's number, from 1.
        format: One of `formats_of`. Wav is the stem as it was separated. If that is float, flac has 24 bits, clipped
            at full scale.

    Raises:
        InputError: The format or the stem does not exist.
        NotDoneError: The song is not done.
        NotCreatedError: The file cannot be written, or the stem is deleted.
    """
    _check(job, format)
    if not 1 <= track <= len(job.files):
        raise InputError(f"stem must be in 1 to {len(job.files)}, got {track}")
    return _stem_file(job, track, format)


def _stem_file(job: Job, track: int, format: str) -> Path:
    stem = job.files[track - 1]
    if format == "wav":
        return stem
    return _created(job.folder / "made" / f"{track}.{format}", lambda path: _convert(stem, path))


def mix_in(job: Job, levels: Sequence[float], format: str) -> Path:
    """Return the file of a mix of the stems, scaled down as a whole if it would clip.

    Args:
        job: The song; its last few mixes are kept.
        levels: Gain of each stem.
        format: One of `formats_of`.

    Raises:
        As `stem_in`; `InputError` also if the levels are not gains of the stems.
    """
    _check(job, format)
    _check_levels(levels, len(job.files))
    key = repr([float(level) for level in levels])
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = job.folder / "made" / f"mix.{digest}.{format}"
    _created(path, lambda path: _mix(job.files, levels, path))
    with suppress(OSError):
        # By the time of access the oldest mix is deleted; by that of the change browsers resume a download.
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    return path


def zip_of(job: Job, format: str) -> Iterator[bytes]:
    """Yield the bytes of a zip of all stems; the first stem is ready on return.

    Raises:
        As `stem_in`; `NotCreatedError` also while the zip is read.
    """
    _check(job, format)
    _stem_file(job, 1, format)
    folder = safe_name(job.request.title, "song")
    names = [f"{folder}/{name}.{format}" for name in distinct_names(job.request.names, "stem")]
    files = (_stem_file(job, track, format) for track in range(1, len(names) + 1))
    return _zipped(zip(files, names, strict=True))


def _check(job: Job, format: str) -> None:
    """Raise an error unless a song is done and its rate has the format."""
    if format not in DOWNLOADED:
        raise InputError(f"format must be one of {', '.join(DOWNLOADED)}, got {format[:16]!a}")
    if job.state in FINISHED and job.state != "done":
        raise NotDoneError("This song has no stems because its separation ended early; upload it again.")
    if job.state != "done":
        raise NotDoneError("This song is not done yet; download its stems when it is.")
    with _server_errors():
        sample_rate = probe(job.files[0]).sample_rate
    known = formats_of(sample_rate)
    if format not in known:
        raise InputError(f"{format} does not support {sample_rate} Hz; choose one of {', '.join(known)}")


def _check_levels(levels: Sequence[float], stems: int) -> None:
    if len(levels) != stems:
        raise InputError(f"levels must have {stems} numbers, one for each stem, got {len(levels)}")
    if not all(math.isfinite(level) and 0 <= level <= MAX_GAIN for level in levels):
        raise InputError(f"levels must be gains from 0 to {MAX_GAIN:g}; 1 leaves a stem as it is")
    if not any(levels):
        raise InputError("levels must not all be 0; give at least one stem a gain above 0")


@contextmanager
def _server_errors() -> Iterator[None]:
    """Raise `NotCreatedError` for errors in our files: their messages have our paths."""
    try:
        yield
    except (InputError, OSError) as error:
        raise NotCreatedError(str(error)) from error


def _created(path: Path, create: Callable[[Path], None]) -> Path:
    """Create a file if it is missing; only one of each song at a time."""
    if path.exists():
        return path
    with _locks_lock:
        lock = _locks.setdefault(path.parent, Lock())
    with lock, _conversions, _server_errors():
        if not path.exists():
            if is_nearly_full(path.parent.parent):
                raise NotCreatedError(f"{path} cannot be written: the disk is nearly full")
            create(path)
    return path


def _convert(stem: Path, path: Path) -> None:
    """Write a stem in another format."""
    audio = probe(stem)
    with block_writer(path, _encoding_spec(stem, audio, path), audio.frames) as append:
        for block in blocks(stem, READ_BLOCK):
            append(block)


def _mix(stems: Sequence[Path], levels: Sequence[float], path: Path) -> None:
    """Write the sum of stems times gains; a first pass finds the loudest sample."""
    audible = [(stem, level) for stem, level in zip(stems, levels, strict=True) if level > 0]
    audio = probe(stems[0])
    spec = _encoding_spec(stems[0], audio, path)
    gain = _gain(_sums(audible), spec.subtype)
    _delete_old_mixes(path.parent)
    with block_writer(path, spec, audio.frames) as append:
        for block in _sums(audible):
            append((gain * block).float())


def _sums(audible: Sequence[tuple[Path, float]]) -> Iterator[Tensor]:
    """Yield blocks ``(c t)`` of the mix, in float64: sums of 24 bits exceed float32."""
    levels = [level for _, level in audible]
    for parts in zip(*(blocks(stem, READ_BLOCK) for stem, _ in audible), strict=True):
        scaled = [level * part for level, part in zip(levels, parts, strict=True)]
        yield torch.stack(scaled).sum(dim=0, dtype=torch.float64)


def _gain(parts: Iterable[Tensor], subtype: str) -> float:
    """Return the gain, at most 1, that fits blocks ``(c t)`` into a subtype."""
    highest = 0.0
    lowest = 0.0
    for part in parts:
        highest = max(highest, float(part.max()))
        lowest = min(lowest, float(part.min()))
    ceiling = 1 - 2.0 ** (1 - ROUNDED_BITS[subtype]) if subtype in ROUNDED_BITS else 1.0
    return min(1.0, ceiling / max(highest, ceiling), 1 / max(-lowest, 1.0))


def _encoding_spec(stem: Path, audio: AudioInfo, path: Path) -> EncodingSpec:
    """Describe a file that is created from a stem."""
    subtype = Delivery(path.suffix.removeprefix(".")).subtype(audio.codec)
    return EncodingSpec(audio.sample_rate, audio.channels, subtype, tags=read_tags(stem), model=read_model(stem))


def _delete_old_mixes(folder: Path) -> None:
    """Delete the mixes that were requested longest ago, so that one more can be kept."""
    mixes = sorted(folder.glob("mix.*"), key=lambda path: path.stat().st_atime)
    excess = max(len(mixes) - MIXES_KEPT + 1, 0)
    for path in mixes[:excess]:
        path.unlink(missing_ok=True)


class _Outbox:
    """A file for `zipfile` to write to, whose bytes can be taken out at any time."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._buffer += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: all bytes can be taken out."""

    def take(self) -> bytes:
        """Take out all bytes."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken


def _zipped(files: Iterable[tuple[Path, str]]) -> Iterator[bytes]:
    """Yield the bytes of a zip of files and their names; beyond 4 GiB it is a zip64."""
    outbox = _Outbox()
    with ZipFile(outbox, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path, name in files:
            entry = ZipInfo.from_file(path, name, strict_timestamps=False)  # has the size, which decides on zip64
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(ZIP_BLOCK):
                    target.write(block)
                    yield outbox.take()
            yield outbox.take()
    yield outbox.take()
