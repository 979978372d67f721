"""A callback to see whether a model and a loss can learn at all."""

import lightning as L

from bsroformer.data.excerpts import EpochSampler


class SameBatch(L.Callback):
    """Trains on the first epoch's excerpts in every epoch: on the same batch always, if an epoch is one.

    Lightning's own ``overfit_batches`` replaces the sampler, without whose keys no excerpt can be drawn.
    """

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Turn the sampler back to the first epoch."""
        loader = trainer.train_dataloader
        assert loader is not None and isinstance(loader.sampler, EpochSampler)
        loader.sampler.set_epoch(0)
