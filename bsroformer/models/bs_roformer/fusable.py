"""Attention and rotary tables in a form for which OpenVINO has fused operators.

The values equal those of `Attention` and `RotaryEmbedding`.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.bs_roformer.attention import Attention
from bsroformer.models.bs_roformer.rotary import RotaryEmbedding


def halves(features: int) -> Tensor:
    """Order the first features of all pairs before the second ones."""
    return torch.cat([torch.arange(0, features, 2), torch.arange(1, features, 2)])


class FusableRotary(nn.Module):
    """Unsigned tables ``(1 1 l e)`` of a `RotaryEmbedding` for vectors in halves."""

    def __init__(self, rotary: RotaryEmbedding) -> None:
        super().__init__()
        self.rotary = rotary

    def forward(self, length: int) -> tuple[Tensor, Tensor]:
        """Return cosines and sines for the first `length` positions."""
        cos, sin = self.rotary(length)  # (l e), each value twice, the first sine of a pair negated
        cos_half = cos[:, ::2]
        sin_half = sin[:, 1::2]
        cos = torch.cat([cos_half, cos_half], dim=-1)
        sin = torch.cat([sin_half, sin_half], dim=-1)
        return cos[None, None], sin[None, None]


class FusableAttention(nn.Module):
    """An `Attention` with separate maps for q, k and v, and the scale in q's weights.

    The features of q and k are in halves; their products do not depend on the order, if it is the same in both.
    """

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.heads = attention.heads
        self.norm = attention.norm
        self.to_gates = attention.to_gates
        self.to_out = attention.to_out
        q, k, v = rearrange(attention.to_qkv.weight, "(three h e) d -> three h e d", three=3, h=self.heads)
        order = halves(q.shape[1])
        scale = q.shape[1] ** -0.5
        self.to_q = nn.Parameter((scale * q[:, order]).flatten(0, 1))
        self.to_k = nn.Parameter(k[:, order].flatten(0, 1))
        self.to_v = nn.Parameter(v.flatten(0, 1))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attend along the sequences ``(s l d)``; the tables are those of `FusableRotary`."""
        x = self.norm(x)
        q = rotate(self._by_head(F.linear(x, self.to_q)), cos, sin)
        k = rotate(self._by_head(F.linear(x, self.to_k)), cos, sin)
        v = self._by_head(F.linear(x, self.to_v))
        attended = F.scaled_dot_product_attention(q, k, v, scale=1.0)
        gates = self.to_gates(x).sigmoid().unsqueeze(-1)  # (s l h 1)
        return self.to_out((attended.transpose(1, 2) * gates).flatten(2))

    def _by_head(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (s h l e)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate vectors ``(s h l e)`` with the first features of pairs in front."""
    half = x.shape[-1] // 2
    first = x[..., :half]
    second = x[..., half:]
    return x * cos + torch.cat([second * -1.0, first], dim=-1) * sin  # OpenVINO matches the product with -1
