"""Gated feed-forward network with convolutions."""

import torch.nn.functional as F
from torch import Tensor, nn

from bsroformer.models.rms_group_norm import RMSGroupNorm


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
