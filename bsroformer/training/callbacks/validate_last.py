"""A validation at the end of every run."""

import lightning as L

from bsroformer.training.run_clock import timer_of


class ValidateLast(L.Callback):
    """Validate after the last step, also within an epoch.

    Lightning ends a run at ``max_steps`` without a validation if that is within an epoch or ``check_val_every_n_epoch``
    skips the epoch, and likewise at ``max_time``. The last part of the training would then have no score and could not
    be the best.
    """

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Put the callback behind ``max_time`` first: whether it ends the run is known here then."""
        timer, callbacks = timer_of(trainer), trainer.callbacks  # type: ignore[attr-defined]
        if timer is not None:
            others = [callback for callback in callbacks if callback is not timer]
            trainer.callbacks = [timer, *others]  # type: ignore[attr-defined]

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Validate the run's last epoch; stop after its last step.

        Lightning validates before it stops.
        """
        last_step = trainer.global_step >= trainer.max_steps > 0
        if last_step:
            trainer.should_stop = True
        stops = trainer.should_stop and trainer.fit_loop._can_stop_early
        if stops or trainer.current_epoch + 1 == trainer.max_epochs:
            validate_this_epoch(trainer)


def validate_this_epoch(trainer: L.Trainer) -> None:
    """Validate the current epoch where only every n-th is validated."""
    if trainer.check_val_every_n_epoch is not None:
        trainer.check_val_every_n_epoch = 1
