"""Save the checkpoint to resume from, and stop a run at a signal."""

import signal
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint

from bsroformer.data.loader import ReadingError
from bsroformer.errors import InputError
from bsroformer.kinds import AmountOrZero
from bsroformer.run_folder import LAST
from bsroformer.training.loops import (
    is_last_epoch,
    normalize_progress_counters,
    shift_limits,
    validate,
    validation_is_due,
)
from bsroformer.training.resume.slurm import requeue
from bsroformer.training.resume.stop_signals import StoppedError, StopSignals

FILES_OF_BEST = ("best_model_path", "kth_best_model_path", "last_model_path")
"""Entries of Lightning's `ModelCheckpoint` that name files."""


class LastCheckpoint(Checkpoint):
    """Save ``last.ckpt`` every few minutes, around validations and at the end.

    It is saved between two optimiser steps only, so that no gradient is half accumulated in it. One that was saved
    before a validation says so, and a run that resumes from it starts with that validation.

    At a signal a run ends after the step under way, or at once during a validation.

    Args:
        folder: The folder of checkpoints.
        every_minutes: Time between two of them; 0 saves one after each step.

    Raises:
        InputError: If `every_minutes` is negative, or not a number.
    """

    def __init__(self, folder: str, every_minutes: AmountOrZero) -> None:
        if not isinstance(every_minutes, int | float) or every_minutes < 0:
            raise InputError(f"callbacks.last_checkpoint.every_minutes={every_minutes} must be a number of 0 or more")
        self.path = Path(folder) / LAST
        self.interval = 60 * every_minutes
        self.signals = StopSignals()
        self.step = 0  # steps made
        self.saved = 0.0  # time of the last checkpoint
        self.unvalidated = False  # a validation is due
        self.validated = False  # a validation has ended since the last checkpoint
        self.counters: dict[str, Any] | None = None  # of the loops after the last step, unless it is saved

    def state_dict(self) -> dict[str, Any]:
        """Return whether a validation is due, for checkpoints."""
        return {"unvalidated": self.unvalidated}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.unvalidated = state_dict["unvalidated"]

    def on_sanity_check_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Handle signals."""
        self.signals.listen()

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Correct Lightning's counters in the checkpoint."""
        normalize_progress_counters(checkpoint["loops"]["fit_loop"])

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Correct the path of the best checkpoint, if the run's folder was moved."""
        if trainer.ckpt_path and Path(trainer.ckpt_path).resolve().parent == self.path.resolve().parent:
            folder = self.path.parent.resolve()  # as Lightning writes it
            move_best(checkpoint["callbacks"], folder)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Extend the limits of a run that has only a validation left.

        Lightning would not start it.
        """
        if self.unvalidated:
            shift_limits(trainer, 1)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Handle signals, and validate if a validation is due."""
        self.signals.listen()
        self.step = trainer.global_step
        self.saved = time.monotonic()
        if self.unvalidated:
            shift_limits(trainer, -1)
            validate(trainer)

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Save if the step is complete and a checkpoint is due; end at a signal."""
        if trainer.global_step == self.step:
            return  # gradients are being accumulated
        self.step = trainer.global_step
        self.counters = deepcopy(trainer.fit_loop.state_dict())
        self.unvalidated = validation_is_due(trainer)
        is_due = self.validated or time.monotonic() - self.saved >= self.interval
        any_due, received = max_over_ranks(trainer, int(is_due), self.signals.received)
        if any_due or received or self.unvalidated:
            self._save(trainer)
        if received:
            self._end(received, trainer.is_global_zero)

    def on_validation_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """End at a signal, since all steps are saved.

        Several ranks wait for the end of the validation, since one may have a batch more.
        """
        if self.signals.received and trainer.world_size == 1:
            self._end(self.signals.received, is_first_rank=True)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note that the result of the validation is to be saved."""
        if not trainer.sanity_checking:
            self.validated = True
            self.unvalidated = False

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save after a validation and at the end of the run."""
        if self.validated or is_last_epoch(trainer):
            self._save(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the former handlers of signals."""
        self.signals.leave()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Save the steps before a song that cannot be read.

        Several ranks cannot save here, since the others have not reached this point.
        """
        self.signals.leave()
        if not isinstance(exception, ReadingError) or trainer.world_size > 1:
            return
        if self.counters is not None and trainer.training:
            trainer.fit_loop.load_state_dict(self.counters)  # without the batches of an incomplete step
            self._save(trainer)

    def _save(self, trainer: L.Trainer) -> None:
        trainer.save_checkpoint(self.path)
        self.saved = time.monotonic()
        self.validated = False
        self.counters = None

    def _end(self, number: int, is_first_rank: bool) -> None:
        """End by an error, after what SLURM or submitit need to restart the job later."""
        if number == getattr(signal, "SIGUSR1", None):
            if is_first_rank:
                requeue()
        elif number == getattr(signal, "SIGUSR2", None):
            handler = self.signals.former_handler(number)
            if handler:
                handler(number, None)  # submitit's, which requeues the job and ends this process
        raise StoppedError(number, saved=self.step > 0)


def move_best(callbacks: dict[str, Any], folder: Path) -> None:
    """Replace the folder in the states of Lightning's `ModelCheckpoint`.

    Args:
        callbacks: States of callbacks; changed in place.
        folder: The present folder.
    """

    def moved(path: str) -> str:
        return str(folder / Path(path).name)

    for state in callbacks.values():
        if not isinstance(state, dict) or "best_model_path" not in state:
            continue
        state["dirpath"] = str(folder)
        for name in FILES_OF_BEST:
            if state[name]:
                state[name] = moved(state[name])
        state["best_k_models"] = {moved(path): score for path, score in state["best_k_models"].items()}


def max_over_ranks(trainer: L.Trainer, *numbers: int) -> list[int]:
    """The maximum of each number over all ranks, which must save and end together."""
    if trainer.world_size == 1:
        return list(numbers)
    own = torch.tensor(numbers, device=trainer.strategy.root_device)
    largest: torch.Tensor = trainer.strategy.reduce(own, reduce_op="max")
    return [int(number) for number in largest]
