"""Random seeds that depend on the batch alone."""

import random

import lightning as L
import numpy as np
import torch

from bsroformer.kinds import Seed


class BatchSeeds(L.Callback):
    """Seed all generators before each batch from (seed, batch, rank).

    A resumed run then draws the same numbers, as for dropout, as an uninterrupted one.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: Seed) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, *_: object) -> None:
        """Seed the generators of PyTorch (on all devices), NumPy and Python."""
        batches = trainer.fit_loop.epoch_loop.batch_progress.total.processed  # type: ignore[attr-defined]
        sequence = np.random.SeedSequence((self.seed, batches, trainer.global_rank))
        words = sequence.generate_state(2)  # of 32 bits
        first = int(words[0])
        second = int(words[1])
        torch.manual_seed(first << 32 | second)
        np.random.seed(first)  # noqa: NPY002 (what libraries draw from)
        random.seed(second)
