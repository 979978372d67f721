"""Gated feed-forward networks, for each position alone and with a convolution."""

import torch.nn.functional as F
from torch import Tensor, nn

from bsroformer.models.rms_norm import RMSNorm
from bsroformer.models.spectral_compression.norm import RMSGroupNorm


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


class ConvSwiGLU(nn.Module):
    """RMSGroupNorm, convolution, gate, deconvolution (arXiv 2408.03440, Conv-SwiGLU).

    With a stride of 1 the deconvolution, without the positions outside the sequence, equals a convolution with the
    reversed kernel, and is computed as one.

    Args:
        dim: Features in and out.
        hidden: Features of the hidden layer.
        kernel: Length of both convolutions.
        groups: Groups of the norm.
        dropout: After the gate and at the end.
    """

    def __init__(self, dim: int, hidden: int, kernel: int, groups: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = RMSGroupNorm(dim, groups)
        self.expand = nn.Conv1d(dim, 2 * hidden, kernel, padding=kernel - 1)
        self.contract = nn.Conv1d(hidden, dim, kernel)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map sequences ``(s l d)`` to ``(s l d)``."""
        values, gates = self.expand(self.norm(x).mT).chunk(2, dim=1)  # (s d l + kernel - 1) each
        hidden = self.dropout(values * F.silu(gates))
        return self.dropout(self.contract(hidden).mT)
