"""Files that are whole or not there."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from bsroformer.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
"""A file must not be there yet, and a link of its name is not followed: others may write to the folder too."""
NEARLY_NOTHING = 2**16
"""Bytes: libraries write in blocks that may not fit any more."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path` to write to; it takes its name when the context ends without an error.

    Otherwise it is removed, and a file that was at `path` stays as it was. It is called
    ``.<name>.<process>.<random>.part``, is locked (see `locked`), and is on the disk before it takes the name.

    Raises:
        InputError: If the folder cannot be made or written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(partial, NEW_FILE, 0o666))
        with locked(partial):
            yield partial
            with writing(path):
                _sync(partial)
                partial.replace(path)
                _sync(path.parent)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Mark a file or folder as being written by a lock, which the system drops when the process ends, however it ends.

    Not on Windows, where nobody removes what another process writes, and not on disks without locks.
    """
    descriptor = None if fcntl is None else os.open(path, os.O_RDONLY)
    try:
        if fcntl is not None and descriptor is not None:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_locked(path: Path) -> bool | None:
    """Check whether a process still writes a file or folder; None where the system or the disk has no locks.

    Raises:
        OSError: If it cannot be opened.
    """
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; some file systems cannot do so with folders."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        with suppress(OSError) if path.is_dir() else nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Put a text into a file, in UTF-8 and with the same bytes on every system.

    Raises:
        InputError: If it cannot be written; what was there is as it was then.
    """
    with replacing(path) as partial, writing(path):
        partial.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path`; it takes the place of `path` when the context ends without an error.

    Otherwise it is removed, and a folder that was at `path` stays as it was. It is called ``.<name>.part``, and the old
    one, for the moment until it is removed, ``.<name>.old.part``.

    Raises:
        InputError: If it cannot be made or moved.
    """
    partial = path.with_name(f".{path.name}.part")
    old = path.with_name(f".{path.name}.old.part")
    for leftover in (partial, old):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        with writing(path):
            partial.mkdir(parents=True)
        yield partial
        with writing(path):
            if path.exists():
                path.replace(old)
            partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def writing(path: Path, *errors_of_libraries: type[Exception]) -> Iterator[None]:
    """Tell the system's errors, and those of libraries that write, as one of `path`.

    Raises:
        InputError: In their place.
    """
    told: tuple[type[Exception], ...] = (OSError, *errors_of_libraries)
    try:
        yield
    except told as error:
        reason = "the disk is full" if is_full(path) else error
        raise InputError(f"{path} cannot be written ({reason}): choose another place or free space.") from error


def is_full(path: Path) -> bool:
    """Whether the disk that a file is on has no room for more: not every library says why it fails."""
    with suppress(OSError):
        return shutil.disk_usage(path.parent).free < NEARLY_NOTHING
    return False


def set_aside(path: Path) -> Path:
    """Keep a damaged file beside its place, where a whole one will be written: ``<name>.damaged<suffix>``.

    Raises:
        InputError: If it cannot be renamed.
    """
    kept = path.with_name(f"{path.stem}.damaged{path.suffix}")
    with writing(path):
        path.replace(kept)
    return kept
