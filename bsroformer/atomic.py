"""Atomic writing of files and folders: they are complete or missing."""

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
"""Flags that neither replace a file nor follow a link: other programs may write to the folder too."""
MIN_FREE_BYTES = 2**16
"""Free space below which a disk counts as full: libraries write in blocks."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty file that takes the name `path` at the end of the context.

    It lies beside `path`, and is removed after an error; an existing file at `path` stays unchanged then. Its name is
    ``.<name>.<process>.<random>.part``; it is locked (see `locked`), and on the disk before it is renamed.

    Raises:
        InputError: If the folder cannot be created or written.
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
    """Lock a file or folder that is being written.

    The system drops the lock when the process ends. Does nothing on Windows, where no process removes what another one
    writes, and on disks without locks.
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
    """Check whether a process writes a file or folder.

    Returns:
        None if the system or the disk has no locks.

    Raises:
        OSError: If the file cannot be opened.
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
    """Wait until a file, or the names in a folder, are on the disk.

    Some file systems cannot do so with folders.
    """
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        with suppress(OSError) if path.is_dir() else nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, with the same bytes on every system.

    Raises:
        InputError: If it cannot be written; an existing file stays unchanged.
    """
    with replacing(path) as partial, writing(path):
        partial.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces `path` at the end of the context.

    It lies beside `path`, and is removed after an error; an existing folder at `path` stays unchanged then. Its name is
    ``.<name>.part``; that of the old folder, until it is removed, is ``.<name>.old.part``.

    Raises:
        InputError: If it cannot be created or moved.
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
def writing(path: Path, *library_errors: type[Exception]) -> Iterator[None]:
    """Convert the system's and libraries' errors of writing to one that names `path`.

    Raises:
        InputError: Instead of them.
    """
    errors: tuple[type[Exception], ...] = (OSError, *library_errors)
    try:
        yield
    except errors as error:
        reason = "the disk is full" if is_full(path) else error
        raise InputError(f"{path} cannot be written ({reason}); choose another folder or free space.") from error


def is_full(path: Path) -> bool:
    """Check whether the disk of a file is full: not every library reports it."""
    with suppress(OSError):
        return shutil.disk_usage(path.parent).free < MIN_FREE_BYTES
    return False


def set_aside(path: Path) -> Path:
    """Rename a damaged file to ``<name>.damaged<suffix>``.

    Raises:
        InputError: If the file cannot be renamed.
    """
    damaged = path.with_name(f"{path.stem}.damaged{path.suffix}")
    with writing(path):
        path.replace(damaged)
    return damaged
