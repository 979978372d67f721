"""A last validation, wherever a run ends."""

import lightning as L


class ValidateLast(L.Callback):
    """Validates after the last step too, in the middle of an epoch or at the end of one that is not validated.

    Lightning ends a run at ``max_steps`` without a validation if that falls within an epoch, or if it is no turn of
    ``check_val_every_n_epoch``: the last part of the training would then have no score, and could not be the best.
    """

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Have the run's last epoch validated, and end after the last step: Lightning validates before it stops."""
        last_step = trainer.global_step >= trainer.max_steps > 0
        if last_step:
            trainer.should_stop = True
        if last_step or trainer.current_epoch + 1 == trainer.max_epochs:
            validate_this_epoch(trainer)


def validate_this_epoch(trainer: L.Trainer) -> None:
    """Make the epoch under way one that is validated, where only every few are."""
    if trainer.check_val_every_n_epoch is not None:
        trainer.check_val_every_n_epoch = 1
