"""The checkpoint of the best validation."""

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint


class BestCheckpoint(ModelCheckpoint):
    """Lightning's `ModelCheckpoint`, without validations whose score is NaN.

    Lightning treats a first NaN as the best score until a number follows.
    """

    @property
    def state_key(self) -> str:
        """Return the key of Lightning's own class, which older runs used."""
        own_name = type(self).__qualname__
        return super().state_key.replace(own_name, ModelCheckpoint.__qualname__, 1)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save the checkpoint if it is the best so far."""
        score = trainer.callback_metrics.get(str(self.monitor))
        if score is None or not score.isnan():
            super().on_validation_end(trainer, pl_module)
