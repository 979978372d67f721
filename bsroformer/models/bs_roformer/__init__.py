"""The Band-Split RoFormer, with one stage of the paper in each file."""

from bsroformer.models.bs_roformer.roformer import BandSplitRoformer
from bsroformer.models.bs_roformer.settings import RoformerSettings

__all__ = ["BandSplitRoformer", "RoformerSettings"]
