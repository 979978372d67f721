"""The Band-Split RoFormer, one stage of the paper in each file, and all that only this architecture knows."""

from bsroformer.models.bs_roformer.roformer import BandSplitRoformer
from bsroformer.models.bs_roformer.settings import RoformerSettings

__all__ = ["BandSplitRoformer", "RoformerSettings"]
