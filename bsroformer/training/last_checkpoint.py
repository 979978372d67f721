"""The checkpoint to resume from, and the end of a run that is asked to end."""

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
from bsroformer.kinds import AmountOrNone
from bsroformer.training.checkpoint_file import LAST
from bsroformer.training.loops import ends, move_limits, settle, validate, validation_is_due
from bsroformer.training.slurm import requeue
from bsroformer.training.stop_signals import StoppedError, StopSignals


class LastCheckpoint(Checkpoint):
    """Keeps ``last.ckpt``: every few minutes, before and after each validation, at the end, and when asked to end.

    It is written between two optimiser steps only, so that no gradient is half accumulated in it. One that was written
    before a validation says so, and a run that resumes from it begins with that validation.

    Asked to end by a signal, a run ends after the step under way, or at once while it validates.

    Args:
        folder: Of the checkpoints.
        every_minutes: Between two of them; 0 writes one after each step.

    Raises:
        InputError: If `every_minutes` is negative, or no number.
    """

    def __init__(self, folder: str, every_minutes: AmountOrNone) -> None:
        if not isinstance(every_minutes, int | float) or every_minutes < 0:
            raise InputError(f"callbacks.last_checkpoint.every_minutes={every_minutes} must be a number of 0 or more")
        self.path, self.interval = Path(folder) / LAST, 60 * every_minutes
        self.signals = StopSignals()
        self.step, self.saved = 0, 0.0  # steps made, and when the last checkpoint was
        self.unvalidated = self.validated = False  # a validation is due, or has been since
        self.counters: dict[str, Any] | None = None  # of the loops after the last step, if it is not saved

    def state_dict(self) -> dict[str, Any]:
        """Whether a validation was to come."""
        return {"unvalidated": self.unvalidated}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.unvalidated = state_dict["unvalidated"]

    def on_sanity_check_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Listen to signals."""
        self.signals.listen()

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write where the run stands so that Lightning takes it up right."""
        settle(checkpoint["loops"]["fit_loop"])

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let the best checkpoint be found where it is now, if the run's folder was moved."""
        if trainer.ckpt_path and Path(trainer.ckpt_path).resolve().parent == self.path.resolve().parent:
            find_best(checkpoint["callbacks"], self.path.parent.resolve())  # as Lightning writes it

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let Lightning begin a run that has only its last validation before it, which it would take for done."""
        if self.unvalidated:
            move_limits(trainer, 1)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Listen to signals, and make up for a validation that the run did not come to."""
        self.signals.listen()
        self.step, self.saved = trainer.global_step, time.monotonic()
        if self.unvalidated:
            move_limits(trainer, -1)
            validate(trainer)

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Write the checkpoint if the step is complete and it is time, and end if asked to."""
        if trainer.global_step == self.step:
            return  # gradients are being accumulated
        self.step = trainer.global_step
        self.counters = deepcopy(trainer.fit_loop.state_dict())
        self.unvalidated = validation_is_due(trainer)
        time_is_up = self.validated or time.monotonic() - self.saved >= self.interval
        late, asked = agreed(trainer, int(time_is_up), self.signals.received)
        if late or asked or self.unvalidated:
            self._save(trainer)
        if asked:
            self._end(asked, trainer.is_global_zero)

    def on_validation_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """End if asked to: what was trained is saved. Several ranks go on, since one may have a batch more."""
        if self.signals.received and trainer.world_size == 1:
            self._end(self.signals.received, first=True)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note that what comes out of the validation is to be saved."""
        if not trainer.sanity_checking:
            self.validated, self.unvalidated = True, False

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the checkpoint after a validation, and at the end of the run."""
        if self.validated or ends(trainer):
            self._save(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the signals to others."""
        self.signals.leave()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Save the steps that were made before a song could not be read; leave the signals to others.

        Several ranks cannot save here, since the others are not at this place.
        """
        self.signals.leave()
        if not isinstance(exception, ReadingError) or trainer.world_size > 1:
            return
        if self.counters is not None and trainer.training:
            trainer.fit_loop.load_state_dict(self.counters)  # without the batches of a step that was not completed
            self._save(trainer)

    def _save(self, trainer: L.Trainer) -> None:
        trainer.save_checkpoint(self.path)
        self.saved, self.validated, self.counters = time.monotonic(), False, None

    def _end(self, number: int, first: bool) -> None:
        """End as SLURM or submitit need it for a job that is to go on later, or by an error."""
        if number == getattr(signal, "SIGUSR1", None):
            if first:  # of the ranks
                requeue()
        elif number == getattr(signal, "SIGUSR2", None) and (answer := self.signals.usual_answer(number)):
            answer(number, None)  # submitit's, which has the job called again and ends this process
        raise StoppedError(number, saved=self.step > 0)


def find_best(callbacks: dict[str, Any], folder: Path) -> None:
    """Put the folder of checkpoints in place of the one in the states of Lightning's callbacks."""
    for state in callbacks.values():
        if isinstance(state, dict) and "best_model_path" in state:
            state["dirpath"] = str(folder)
            for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
                state[name] = state[name] and str(folder / Path(state[name]).name)
            best = state["best_k_models"].items()
            state["best_k_models"] = {str(folder / Path(path).name): score for path, score in best}


def agreed(trainer: L.Trainer, *numbers: int) -> list[int]:
    """The largest of each number over all ranks, which must save and end together."""
    if trainer.world_size == 1:
        return list(numbers)
    largest: torch.Tensor = trainer.strategy.reduce(
        torch.tensor(numbers, device=trainer.strategy.root_device), reduce_op="max"
    )
    return [int(number) for number in largest]
