"""Early stopping of a run that no longer improves."""

import lightning as L
from lightning.pytorch.callbacks import EarlyStopping


class EarlyStop(EarlyStopping):
    """Lightning's `EarlyStopping`, which also prints why the run ends.

    `ValidateLast` and the best checkpoint work as in any other run. Its counts are saved in checkpoints.
    """

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop if the score has not improved for `patience` validations."""
        super().on_validation_end(trainer, pl_module)
        if self.stopped_epoch and not trainer.sanity_checking:
            trainer.print(
                f"Stopping early: {self.monitor} has not improved for {self.patience} validations "
                f"(early_stopping); its best value is {float(self.best_score):.4g}"
            )
