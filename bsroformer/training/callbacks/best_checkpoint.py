"""The checkpoint of the best validation."""

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Lightning's `ModelCheckpoint`, which calls no checkpoint the best whose monitored score is NaN.

    Lightning takes the first NaN for the best score until a number comes.
    """

    @property
    def state_key(self) -> str:
        """The key of its state in checkpoints: that of Lightning's own class, which older runs have."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save the checkpoint if it is the best so far."""
        score = trainer.callback_metrics.get(str(self.monitor))
        if score is None or not score.isnan():
            super().on_validation_end(trainer, pl_module)
