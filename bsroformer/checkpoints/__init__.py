"""Checkpoints: a model's settings and weights in a file, this project's or the public BS-/Mel-Band RoFormer's."""

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.load import load_model, open_checkpoint

__all__ = ["Checkpoint", "load_model", "open_checkpoint"]
