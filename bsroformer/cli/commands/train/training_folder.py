"""The folder of a training: its lock and its records."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from bsroformer.atomic import writing
from bsroformer.cli.commands.train.resume.resolution import refuse_folder_in_use
from bsroformer.cli.commands.train.run_facts import record_run
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.cli.commands.train.wandb_mode import finish_wandb
from bsroformer.cli.console import warnings_reported
from bsroformer.cli.output_folder import make_folder, open_run_folder
from bsroformer.cli.resolved_config import save_config
from bsroformer.errors import InputError
from bsroformer.run_folder import TRAINING_LOCK, RunFolder

TIMEOUT_S = 15.0
"""Time for a job to end while its successor starts; data loaders of a killed training hold its lock for 5 s more."""


@contextmanager
def exclusive_folder(run: TrainingRun) -> Iterator[None]:
    """Keep other trainings out of the run's folder.

    Raises:
        InputError: If another is running there, or has ended there since the first check.
    """
    with ExitStack() as stack:
        if run.writes:
            make_folder(run.folder)
            stack.enter_context(only_training_in(run.folder, run.console))
        if run.is_first_process:
            refuse_folder_in_use(run.cfg)
        yield


@contextmanager
def recorded_run(run: TrainingRun, checkpoint: str | None) -> Iterator[None]:
    """Record the training in the run's folder, and log there.

    Args:
        run: The training.
        checkpoint: The checkpoint to resume from.
    """
    from bsroformer.cli.commands.train.run_end import end_recorded  # which loads reports

    with ExitStack() as stack:
        stack.callback(finish_wandb)  # otherwise the next run of a sweep would log to this one
        if run.writes:
            stack.enter_context(open_run_folder(run.folder))
            save_config(run.cfg.tree, run.folder)
            with warnings_reported(run.console):
                record_run(run.cfg, run.trainer, run.module.model, checkpoint)
            stack.enter_context(end_recorded(run.cfg, run.trainer))
        yield


@contextmanager
def only_training_in(folder: Path, console: Console) -> Iterator[None]:
    """Keep other trainings out of a run's folder, and remove partial files.

    Args:
        folder: The run's folder, made if missing.
        console: Where waiting is reported.

    Raises:
        InputError: If another training is running in it, or it cannot be written.
    """
    path = folder / TRAINING_LOCK
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
    with writing(folder / TRAINING_LOCK):
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
