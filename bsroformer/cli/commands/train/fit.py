"""Fit the model, and handle stops and faults."""

import logging
import sys
import warnings
from pathlib import Path

from bsroformer.cli.commands.train.memory import memory_advice
from bsroformer.cli.commands.train.run_messages import log_and_print
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.cli.console import warnings_reported
from bsroformer.data.loader import ReadingError, dead_worker, is_of_dead_worker
from bsroformer.errors import InputError
from bsroformer.run_folder import RunFolder
from bsroformer.training.resume.checkpoint_io import CarefulCheckpointIO
from bsroformer.training.resume.stop_signals import StoppedError

REMARKS = (
    ".*LeafSpec",
    ".*smaller than the logging interval",
    "Checkpoint directory .* exists and is not empty",
    "Be aware that when using `ckpt_path`",
)
"""Patterns of Lightning's remarks; this program reports what matters in them."""


def quieten_lightning() -> None:
    """Suppress Lightning's tips and remarks.

    PyTorch renamed what it uses, and epochs may be short.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for remark in REMARKS:
        warnings.filterwarnings("ignore", message=remark)


def fit(run: TrainingRun, checkpoint: str | None) -> None:
    """Train; stop cleanly at a signal.

    Args:
        run: The training.
        checkpoint: The checkpoint to resume from.

    Raises:
        InputError: If a song could not be read, or the last checkpoint could not be written.
    """
    try:
        with warnings_reported(run.console), memory_advice(run.cfg):
            run.trainer.fit(run.module, run.data, ckpt_path=checkpoint)
    except StoppedError as stopped:
        _exit_stopped(run, stopped)
    except ReadingError as error:
        raise InputError(f"{error}{_how_to_resume(run.folder)}") from error
    except RuntimeError as error:
        if not is_of_dead_worker(error):
            raise
        raise InputError(f"{dead_worker(error)}{_how_to_resume(run.folder)}") from error
    checkpoints = run.trainer.strategy.checkpoint_io
    if isinstance(checkpoints, CarefulCheckpointIO) and checkpoints.failed:
        failed = " ".join(checkpoints.failed.values())
        raise InputError(f"{failed} Free disk space; resume={run.folder} then resumes from the checkpoint before.")


def _exit_stopped(run: TrainingRun, stopped: StoppedError) -> None:
    stop = f"Stopped after step {run.trainer.global_step:,}" if stopped.saved else "Stopped at once"
    advice = "no checkpoint was written yet."
    if _has_checkpoint(run.folder):
        advice = f"resume={run.folder} resumes from its last checkpoint."
    log_and_print(run.console, f"{stop}; {advice}")
    sys.exit(stopped.status)


def _how_to_resume(folder: Path) -> str:
    """Describe how to resume after a fault; empty without a checkpoint."""
    return f". Then resume={folder} continues from its last checkpoint" if _has_checkpoint(folder) else ""


def _has_checkpoint(folder: Path) -> bool:
    return RunFolder(folder).last.exists()
