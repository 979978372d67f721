"""Gated feed-forward networks, for each position alone and with a convolution."""

import torch.nn.functional as F
from torch import Tensor, nn

from bsroformer.models.rms_norm import RMSNorm
from bsroformer.models.spectral_compression.norm import RMSGroupNorm


def swish_gated(x: Tensor, dim: int) -> Tensor:
    """Multiply the first half of the features by the swish of the second (SwiGLU, arXiv 2002.05202)."""
    values, gates = x.chunk(2, dim)
    return values * F.silu(gates)


class SwiGLU(nn.Module):
    """RMSNorm, linear layer, gate, linear layer (arXiv 2002.05202, section 2).

    Args:
        dim: Features in and out.
        hidden: Features of the hidden layer.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.expand = nn.Linear(dim, 2 * hidden, bias=False)
        self.contract = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(... d)`` to ``(... d)``."""
        return self.contract(swish_gated(self.expand(self.norm(x)), dim=-1))


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
        hidden = swish_gated(self.expand(self.norm(x).mT), dim=1)  # (s d l + kernel - 1)
        return self.dropout(self.contract(self.dropout(hidden)).mT)
