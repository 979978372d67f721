"""The folder of a song's stems while they are written."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bsroformer.atomic import is_locked, writing
from bsroformer.audio.formats import DELIVERED
from bsroformer.errors import InputError

LEFTOVER = re.compile(
    r"\.(?:rescaling\.(?P<process>\d+)\.\w+"
    rf"|.+\.(?:{'|'.join(DELIVERED)})\.(?P<writer>\d+)(?:\.\w+)?)\.part"
)
"""Names of incomplete files and folders, with the number of the process that writes them."""


@contextmanager
def stem_folder(folder: Path, files: Sequence[Path]) -> Iterator[None]:
    """Create the folder of the stems and remove leftovers of killed runs.

    An empty folder is removed at the end.

    Raises:
        InputError: If it cannot be created, or one of the files is a folder.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        if path.is_dir():
            raise InputError(f"{path} is a folder, where a stem would be written; choose another output folder")
    remove_leftovers(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # works on an empty folder only


def remove_leftovers(folder: Path) -> None:
    """Remove incomplete files of processes that have ended from a folder of stems."""
    for path in folder.glob(".*.part"):
        name = LEFTOVER.fullmatch(path.name)
        if name is None:
            continue
        process = int(name["process"] or name["writer"])
        with suppress(OSError):
            if _is_being_written(path, process):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _is_being_written(path: Path, process: int) -> bool:
    """Check for a lock on the file, or without locks for the process.

    The number of a process alone may be of another container.

    Raises:
        OSError: If it cannot be opened.
    """
    held = is_locked(path)
    return is_running(process) if held is None else held


def is_running(process: int) -> bool:
    """Check for a process by its number.

    False on Windows, where no process removes what another one writes.
    """
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
