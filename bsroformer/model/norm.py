"""Root-mean-square normalisation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_FLOOR = 1e-12
"""The smallest vector norm that is divided by, as in the public checkpoints' ``F.normalize``."""


def rms_norm(x: Tensor, gamma: Tensor | None = None) -> Tensor:
    """Scale the vectors ``(... d)`` to a root mean square of 1, then by `gamma` ``(d)``.

    Equal to ``x / max(|x|, 1e-12) * d ** 0.5 * gamma``: the floor enters as the epsilon of the fused operator,
    which differs from a hard floor only for vectors whose norm is itself around 1e-12.
    """
    dim = x.shape[-1]
    return F.rms_norm(x, (dim,), gamma, eps=NORM_FLOOR**2 / dim)


class RMSNorm(nn.Module):
    """`rms_norm` of the last axis with a learned scale for each feature."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(... d)``."""
        return rms_norm(x, self.gamma)
