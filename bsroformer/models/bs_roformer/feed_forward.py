"""The position-wise feed-forward network."""

import torch.nn.functional as F
from torch import Tensor, nn

from bsroformer.models.rms_norm import RMSNorm


class FeedForward(nn.Module):
    """RMSNorm, linear layer, GELU, linear layer (arXiv 2309.02612, section 3.2).

    Args:
        dim: Features in and out.
        mult: Width of the hidden layer over `dim`; 4 reproduces the paper's parameter count.
        dropout: After each linear layer.
    """

    def __init__(self, dim: int, mult: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.expand = nn.Linear(dim, mult * dim)
        self.contract = nn.Linear(mult * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(... d)`` to ``(... d)``."""
        hidden = self.dropout(F.gelu(self.expand(self.norm(x))))
        return self.dropout(self.contract(hidden))
