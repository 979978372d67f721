"""Gated feed-forward network of each position."""

import torch.nn.functional as F
from torch import Tensor, nn

from bsroformer.models.rms_norm import RMSNorm


class SwiGLU(nn.Module):
    """RMSNorm, linear layer, gate, linear layer (arXiv 2002.05202, section 2).

    Values and gates have layers of their own: halves of one layer's features would not be contiguous, and gating takes
    several times as long then.

    Args:
        dim: Features in and out.
        hidden: Features of the hidden layer.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.to_values = nn.Linear(dim, hidden, bias=False)
        self.to_gates = nn.Linear(dim, hidden, bias=False)
        self.contract = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(... d)`` to ``(... d)``."""
        x = self.norm(x)
        return self.contract(self.to_values(x) * F.silu(self.to_gates(x)))
