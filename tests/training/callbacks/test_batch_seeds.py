import random
from types import SimpleNamespace

import numpy as np
import torch

from bsroformer.training.callbacks.batch_seeds import BatchSeeds


def drawn(seed: int, batches: int, rank: int = 0) -> tuple[float, ...]:
    """Random numbers of the step after this many batches."""
    progress = SimpleNamespace(total=SimpleNamespace(processed=batches))
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress))
    BatchSeeds(seed).on_train_batch_start(SimpleNamespace(fit_loop=loop, global_rank=rank))
    return torch.rand(1).item(), np.random.random(), random.random()  # noqa: NPY002


def test_random_numbers_follow_from_seed_batch_and_rank():
    assert drawn(1, 10) == drawn(1, 10)
    steps = [drawn(1, 10), drawn(1, 11), drawn(2, 10), drawn(1, 10, rank=1)]
    for numbers in zip(*steps, strict=True):
        assert len(set(numbers)) == len(steps)
