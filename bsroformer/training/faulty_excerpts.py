"""Which excerpts make a loss that is no number."""

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
    """Excerpts of a step that went wrong.

    Attributes:
        seed: With it, a key alone decides what an excerpt holds; None if the excerpts have no keys.
        keys: Of those at fault or, if there is none, of all.
        at_fault: Whether the loss of each of them is not finite, computed on its own.
    """

    seed: int | None
    keys: Sequence[ExcerptKey]
    at_fault: bool


def faulty_excerpts(trainer: L.Trainer, module: SeparationModule) -> Excerpts:
    """Draw this rank's excerpts of the step that was just left out again, and compute the loss of each."""
    loader = trainer.train_dataloader
    if not isinstance(loader, TrainingLoader) or (counts := loader.counts()) is None:
        return Excerpts(None, [], at_fault=False)
    batches = range(counts.total - len(module.losses), counts.total)
    keys = [key for batch in batches for key in loader.keys_of(batch)]
    with computing_alone(trainer, module):
        found = [key for key in keys if not loss_is_finite(trainer, module, loader, key)]
    return Excerpts(getattr(loader.dataset, "seed", None), found or keys, at_fault=bool(found))


def loss_is_finite(trainer: L.Trainer, module: SeparationModule, loader: TrainingLoader, key: ExcerptKey) -> bool:
    """Whether the loss of one excerpt is a number."""
    stems = trainer.precision_plugin.convert_input(loader.dataset[key].unsqueeze(0))  # (1 n c t)
    return bool(module.loss_of(trainer.strategy.batch_to_device(stems))[0].isfinite())


@contextmanager
def computing_alone(trainer: L.Trainer, module: SeparationModule) -> Iterator[None]:
    """Compute as a training step does, but leave no trace: no gradient, and nothing drawn for dropout."""
    module.model.eval()
    try:
        with torch.no_grad(), trainer.precision_plugin.train_step_context():
            yield
    finally:
        module.model.train()
