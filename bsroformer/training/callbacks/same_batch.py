"""Overfit the first batches, to check that a model and a loss can learn."""

from dataclasses import replace

import lightning as L

from bsroformer.data.batch_schedule import START
from bsroformer.data.loader import BatchCounts, TrainingLoader


class SameBatch(L.Callback):
    """Train on the first epoch's excerpts in every epoch.

    That is on one batch only, if an epoch is one batch.

    Lightning's own ``overfit_batches`` replaces the sampler, whose keys are needed to draw excerpts.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restart the loader in each epoch."""
        loader = trainer.train_dataloader
        assert isinstance(loader, TrainingLoader)
        progress = trainer.fit_loop.epoch_loop.batch_progress.current
        loader.schedule = replace(loader.schedule, start=START)
        loader.counts = lambda: BatchCounts(progress.processed, progress.ready)  # type: ignore[attr-defined]
