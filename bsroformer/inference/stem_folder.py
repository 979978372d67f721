"""The folder of a song's stems while they are written."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bsroformer.atomic import is_locked, writing
from bsroformer.errors import InputError

LEFTOVER = re.compile(
    r"\.(?:rescaling\.(?P<process>\d+)\.\w+|.+\.(?:wav|flac|mp3|ogg|m4a)\.(?P<writer>\d+)(?:\.\w+)?)\.part"
)
"""Names of what is half written, with the number of the process that writes it."""


@contextmanager
def stem_folder(folder: Path, files: Sequence[Path]) -> Iterator[None]:
    """Make the folder of the stems and clear it of what killed runs left; without stems in the end, it goes again.

    Raises:
        InputError: If it cannot be made, or one of the files is a folder.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        if path.is_dir():
            raise InputError(f"{path} is a folder, where a stem would be written: choose another output folder")
    remove_leftovers(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # works on an empty folder only


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that are no more have half written to a folder of stems."""
    for path in folder.glob(".*.part"):
        name = LEFTOVER.fullmatch(path.name)
        with suppress(OSError):
            if name is not None and not _is_written(path, int(name["process"] or name["writer"])):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_written(path: Path, process: int) -> bool:
    """Whether its process still writes: by its lock, since in containers numbers of processes mean nothing elsewhere.

    Raises:
        OSError: If it cannot be opened.
    """
    held = is_locked(path)
    return is_running(process) if held is None else held


def is_running(process: int) -> bool:
    """Whether there is a process of that number; on Windows, where nobody removes what another writes, none is."""
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
