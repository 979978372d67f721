"""Training losses: ``(estimate, target)``, stems ``(b n c t)`` each, to a scalar and its named parts."""

from bsroformer.losses.multi_domain import MultiDomainLoss
from bsroformer.losses.multi_resolution_stft import MultiResolutionLoss

__all__ = ["MultiDomainLoss", "MultiResolutionLoss"]
