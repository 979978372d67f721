"""A last validation, wherever a run ends."""

import lightning as L

from bsroformer.training.pace import timer_of


class ValidateLast(L.Callback):
    """Validates after the last step too, in the middle of an epoch or at the end of one that is not validated.

    Lightning ends a run at ``max_steps`` without a validation if that falls within an epoch, or if it is no turn of
    ``check_val_every_n_epoch``, where ``max_time`` may end it too: the last part of the training would then have no
    score, and could not be the best.
    """

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Put the callback behind ``max_time`` first: whether it ends the run is known here then."""
        timer, callbacks = timer_of(trainer), trainer.callbacks  # type: ignore[attr-defined]
        if timer is not None:
            others = [callback for callback in callbacks if callback is not timer]
            trainer.callbacks = [timer, *others]  # type: ignore[attr-defined]

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Have the run's last epoch validated, and end after the last step: Lightning validates before it stops."""
        last_step = trainer.global_step >= trainer.max_steps > 0
        if last_step:
            trainer.should_stop = True
        stops = trainer.should_stop and trainer.fit_loop._can_stop_early
        if stops or trainer.current_epoch + 1 == trainer.max_epochs:
            validate_this_epoch(trainer)


def validate_this_epoch(trainer: L.Trainer) -> None:
    """Make the epoch under way one that is validated, where only every few are."""
    if trainer.check_val_every_n_epoch is not None:
        trainer.check_val_every_n_epoch = 1
