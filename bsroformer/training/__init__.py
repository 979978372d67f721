"""Training: the LightningModule, its optimiser and schedule, and what watches a run."""

from bsroformer.training.module import SeparationModule

__all__ = ["SeparationModule"]
