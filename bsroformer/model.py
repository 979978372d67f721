"""Former module of the Band-Split RoFormer: see `bsroformer.models`."""

from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer

__all__ = ["BandSplitRoformer", "ModelSettings"]
