"""Train a model: the LightningModule, its optimiser and schedule, and callbacks."""

from bsroformer.training.module import SeparationModule

__all__ = ["SeparationModule"]
