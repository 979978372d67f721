"""A callback to see whether a model and a loss can learn at all."""

from dataclasses import replace

import lightning as L

from bsroformer.data.batch_schedule import START
from bsroformer.data.loader import BatchCounts, TrainingLoader


class SameBatch(L.Callback):
    """Trains on the first epoch's excerpts in every epoch: on the same batch always, if an epoch is one.

    Lightning's own ``overfit_batches`` replaces the sampler, without whose keys no excerpt can be drawn.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Make the loader begin anew in each epoch."""
        loader = trainer.train_dataloader
        assert isinstance(loader, TrainingLoader)
        progress = trainer.fit_loop.epoch_loop.batch_progress.current
        loader.row = replace(loader.row, start=START)
        loader.position = lambda: BatchCounts(progress.processed, progress.ready)  # type: ignore[attr-defined]
