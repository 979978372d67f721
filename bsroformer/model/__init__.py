"""The Band-Split RoFormer, one stage of the paper in each file."""

from bsroformer.model.roformer import BandSplitRoformer
from bsroformer.model.settings import ModelSettings

__all__ = ["BandSplitRoformer", "ModelSettings"]
