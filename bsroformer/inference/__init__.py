"""Separation of long mixtures."""

from bsroformer.inference.separator import Separator

__all__ = ["Separator"]
