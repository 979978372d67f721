"""Checkpoints: files that hold a model's weights and settings.

They are this project's, or those of public BS-RoFormer and Mel-Band RoFormer models.
"""

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.load import load_model, open_checkpoint

__all__ = ["Checkpoint", "load_model", "open_checkpoint"]
