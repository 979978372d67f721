"""Attention between features instead of positions, of linear cost."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.rms_norm import RMSNorm

SCALE = 8.0
"""Factor of the similarities, as in the public checkpoints with such a block."""


class LinearAttention(nn.Module):
    """Pre-normalised attention between the features of a head.

    XCiT, arXiv 2106.09681, section 3.2.

    In the public checkpoints' variant the learned temperature of a head enters as its exponential.

    Args:
        dim: Features in and out.
        heads: Number of heads.
        dim_head: Features of a head.
        dropout: Dropout of attention weights.
    """

    def __init__(self, dim: int, heads: int, dim_head: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.norm = RMSNorm(dim)
        self.to_qkv = nn.Linear(dim, 3 * heads * dim_head, bias=False)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.to_out = nn.Linear(heads * dim_head, dim, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Attend between features of ``(s l d)``, as vectors along `l`."""
        qkv = rearrange(self.to_qkv(self.norm(x)), "s l (three h e) -> three s h e l", three=3, h=self.heads)
        q, k = F.normalize(qkv[:2], dim=-1).unbind(0)  # (s h e l) each, vectors of length 1
        similarity = SCALE * (self.temperature.exp() * q @ k.transpose(2, 3))  # (s h e e)
        attended = self.dropout(similarity.softmax(dim=-1)) @ qkv[2]  # (s h e l)
        return self.to_out(rearrange(attended, "s h e l -> s l (h e)"))
