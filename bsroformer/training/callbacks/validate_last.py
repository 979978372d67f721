"""A validation at the end of every run."""

import lightning as L


class ValidateLast(L.Callback):
    """Validate after the last step, also within an epoch.

    Lightning ends a run at ``max_steps`` without a validation if that is within an epoch or ``check_val_every_n_epoch``
    skips the epoch. The last part of the training would then have no score and could not be the best.
    """

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Validate the run's last epoch; stop after its last step.

        Lightning validates before it stops.
        """
        last_step = trainer.global_step >= trainer.max_steps > 0
        if last_step:
            trainer.should_stop = True
        if last_step or trainer.current_epoch + 1 == trainer.max_epochs:
            validate_this_epoch(trainer)


def validate_this_epoch(trainer: L.Trainer) -> None:
    """Validate the current epoch where only every n-th is validated."""
    if trainer.check_val_every_n_epoch is not None:
        trainer.check_val_every_n_epoch = 1
