"""Detect the excerpts whose loss is not finite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import lightning as L
import torch

from bsroformer.data.excerpts import ExcerptKey
from bsroformer.data.loader import TrainingLoader
from bsroformer.training.module import SeparationModule


@dataclass(frozen=True)
class Excerpts:
    """Excerpts of a skipped step.

    Attributes:
        seed: With it, a key alone decides what an excerpt holds; None if the excerpts have no keys.
        keys: Of those at fault or, without any, of all.
        at_fault: Whether the loss of each of them is not finite, computed on its own.
    """

    seed: int | None
    keys: Sequence[ExcerptKey]
    at_fault: bool


NO_EXCERPTS = Excerpts(None, [], at_fault=False)


def faulty_excerpts(trainer: L.Trainer, module: SeparationModule) -> Excerpts:
    """Draw this rank's excerpts of a skipped step again; compute each one's loss.

    The step must be the last one.
    """
    loader = trainer.train_dataloader
    if not isinstance(loader, TrainingLoader):
        return NO_EXCERPTS
    counts = loader.counts()
    if counts is None:
        return NO_EXCERPTS
    batches = range(counts.total - len(module.losses), counts.total)
    keys = [key for batch in batches for key in loader.keys_of(batch)]
    with eval_without_side_effects(trainer, module):
        found = [key for key in keys if not loss_is_finite(trainer, module, loader, key)]
    seed = getattr(loader.dataset, "seed", None)
    return Excerpts(seed, found or keys, at_fault=bool(found))


def loss_is_finite(trainer: L.Trainer, module: SeparationModule, loader: TrainingLoader, key: ExcerptKey) -> bool:
    """Return whether the loss of one excerpt is finite."""
    excerpt = loader.dataset[key].unsqueeze(0)  # (1 n c t)
    stems = trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(excerpt))
    loss, _ = module.loss_of(stems)
    return bool(loss.isfinite())


@contextmanager
def eval_without_side_effects(trainer: L.Trainer, module: SeparationModule) -> Iterator[None]:
    """Compute in the run's precision, without gradients and dropout."""
    module.model.eval()
    try:
        with torch.no_grad(), trainer.precision_plugin.train_step_context():
            yield
    finally:
        module.model.train()
