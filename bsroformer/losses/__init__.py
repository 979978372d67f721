"""Training losses: ``(estimate, target)`` -> a scalar and its named terms.

Estimate and target are stems ``(b n c t)``. A third argument, booleans ``(b n)``, says which stems count where not all
are known; a stem that does not count has no gradient.
"""

from bsroformer.losses.multi_domain import MultiDomainLoss
from bsroformer.losses.multi_resolution_stft import MultiResolutionLoss
from bsroformer.losses.weighted_sum import WeightedSum

__all__ = ["MultiDomainLoss", "MultiResolutionLoss", "WeightedSum"]
