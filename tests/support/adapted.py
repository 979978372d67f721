"""Models with low-rank updates, and adapters of small models."""

from pathlib import Path

import torch

from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.save import save_model
from bsroformer.models import SeparationModel
from bsroformer.models.adaptation import Adaptation, BaseModelFacts, LoraSettings, adapt, trained_names

EVERYWHERE = ("attention", "feed_forward", "band_split", "masks")


def lora(*layers: str, rank: int = 2, alpha: float = 3.0) -> LoraSettings:
    """Low-rank updates of some layers, by default of attention and feed-forward networks."""
    return LoraSettings(rank=rank, alpha=alpha, layers=layers or ("attention", "feed_forward"))


@torch.no_grad()
def train_at_random(model: SeparationModel) -> SeparationModel:
    """Change all trained weights of a model, as a training would."""
    trained = set(trained_names(model))
    for name, weight in model.named_parameters():
        if name in trained:
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def save_adapter_of(base: SeparationModel, name: str, path: Path, adaptation: Adaptation) -> SeparationModel:
    """Adapt a model in place, change the trained weights, and write them.

    Args:
        base: The model; its weights are those of the file called `name`.
        name: The base's file, as the adapter names it.
        path: The adapter's file.
        adaptation: The trained weights.

    Returns:
        The adapted model, unmerged.
    """
    facts = BaseModelFacts(name=name, digest=weights_digest(base))
    adapt(base, adaptation.model_copy(update={"base": facts}))
    save_model(train_at_random(base), path)
    return base
