"""Training losses: ``(estimate, target)``, stems ``(b n c t)`` each, to a scalar and its named terms."""

from bsroformer.losses.multi_domain import MultiDomainLoss
from bsroformer.losses.multi_resolution_stft import MultiResolutionLoss
from bsroformer.losses.weighted_sum import WeightedSum

__all__ = ["MultiDomainLoss", "MultiResolutionLoss", "WeightedSum"]
