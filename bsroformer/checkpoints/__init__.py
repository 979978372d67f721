"""Checkpoints: a model's settings and weights in one file."""

from bsroformer.checkpoints.native import load_model

__all__ = ["load_model"]
