"""Files that are whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bsroformer.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path` to write to; it takes its name when the context ends without an error.

    Otherwise it is removed, and a file that was at `path` stays as it was.

    Raises:
        InputError: If the folder cannot be made or written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.touch()
        yield partial
        with writing(path):
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


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
        raise InputError(f"{path} cannot be written ({error}): choose another place or free space.") from error
