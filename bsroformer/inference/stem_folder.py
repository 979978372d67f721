"""The folder of a song's stems while they are written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bsroformer.atomic import writing
from bsroformer.errors import InputError
from bsroformer.inference.delivery import DELIVERED
from bsroformer.temporary_files import remove_leftovers

RESCALING = "rescaling"
"""Of the folder of the stems before they are scaled."""


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
    remove_leftovers(folder, RESCALING, *(f".{name}" for name in DELIVERED))
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # works on an empty folder only
