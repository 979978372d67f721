"""Files that are whole or not there."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bsroformer.errors import InputError
from bsroformer.temporary_files import bring_to_disk, temporary_file

NEARLY_NOTHING = 2**16
"""Bytes: libraries write in blocks that may not fit any more."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path` to write to; it is renamed to `path` when the context ends without an error.

    Otherwise it is removed, and a file at `path` stays as it was. The disk holds the content before the name, so that a
    power cut leaves no empty file.

    Raises:
        InputError: If the folder cannot be made or written.
    """
    with ExitStack() as clean_up:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = clean_up.enter_context(temporary_file(path))
        yield partial
        with writing(path):
            bring_to_disk(partial)
            partial.replace(path)
            bring_to_disk(path.parent)


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
