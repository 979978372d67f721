"""One training in a folder at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from bsroformer.atomic import writing
from bsroformer.errors import InputError
from bsroformer.run_folder import TRAINING_LOCK, RunFolder

LOCK = TRAINING_LOCK
TIMEOUT_S = 15.0
"""Time for a job to end while its successor starts; data loaders of a killed training hold its lock for 5 s more."""


@contextmanager
def only_training_in(folder: Path, console: Console) -> Iterator[None]:
    """Keep other trainings out of a run's folder, and remove partial files.

    Args:
        folder: The run's folder, made if missing.
        console: Where waiting is reported.

    Raises:
        InputError: If another training is running in it, or it cannot be written.
    """
    path = folder / LOCK
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
    lock = FileLock(path)
    try:
        _acquire(lock, folder, console)
        remove_leftovers(folder)
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, folder: Path, console: Console) -> None:
    with writing(folder / LOCK):
        try:
            if _is_free(lock, 0):
                return
            console.print(f"Another training is running in {folder}; waiting {TIMEOUT_S:g} s for its end.")
            if _is_free(lock, TIMEOUT_S):
                return
        except NotImplementedError:  # some network drives have no locks
            console.print(f"{folder} is on a disk without locks; start no other training in it.", style="yellow")
            return
    raise InputError(
        f"paths.output_dir={folder}: another training is running in this folder; wait for its end, or give another "
        "folder"
    )


def _is_free(lock: FileLock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True


def remove_leftovers(folder: Path) -> None:
    """Remove partial checkpoints of a killed training; see `atomic.replacing`."""
    run = RunFolder(folder)
    for path in (*run.checkpoints.glob(".*.ckpt.*part"), *run.candidates.glob(".*.ckpt.*part")):
        with writing(path):
            path.unlink(missing_ok=True)
