"""The random numbers of a training step."""

import random

import lightning as L
import numpy as np
import torch

from bsroformer.kinds import Seed


class BatchSeeds(L.Callback):
    """Makes what is random in a batch's step, such as dropout, a function of (seed, batch, rank) and nothing else.

    A run that is resumed then draws what it would have drawn, wherever it stopped, and no state has to be kept.

    Args:
        seed: Of the run.
    """

    def __init__(self, seed: Seed) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, *_: object) -> None:
        """Begin the generators of PyTorch (on all devices), NumPy and Python anew."""
        batches = trainer.fit_loop.epoch_loop.batch_progress.total.processed  # type: ignore[attr-defined]
        sequence = np.random.SeedSequence((self.seed, batches, trainer.global_rank))
        first, second = (int(word) for word in sequence.generate_state(2))
        torch.manual_seed(first << 32 | second)
        np.random.seed(first)  # noqa: NPY002 (what libraries draw from)
        random.seed(second)
