"""A last validation, wherever a run ends."""

import lightning as L


class ValidateLast(L.Callback):
    """Validates after the last step too.

    Lightning ends a run at ``max_steps`` without a validation if that falls within an epoch: the last part of
    the training would then have no score, and could not be the best.
    """

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Ask for an end as soon as the last step is done: Lightning validates before it stops on request."""
        if trainer.global_step >= trainer.max_steps > 0:
            trainer.should_stop = True
