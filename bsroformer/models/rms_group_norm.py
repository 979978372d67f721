"""Root-mean-square normalisation of groups of features."""

import torch
from torch import Tensor, nn

from bsroformer.models.rms_norm import rms_norm


class RMSGroupNorm(nn.Module):
    """RMSNorm of each group of features by itself (arXiv 2408.03440, RMSGroupNorm).

    Args:
        dim: Features.
        groups: Groups of ``dim / groups`` successive features.
    """

    def __init__(self, dim: int, groups: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(groups, dim // groups))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(... d)``."""
        groups = x.unflatten(-1, self.gamma.shape)
        return rms_norm(groups, self.gamma).flatten(-2)
