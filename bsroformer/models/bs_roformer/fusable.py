"""Attention and rotary tables rewritten so that OpenVINO finds its fused operators in them; the values are the same."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.bs_roformer.attention import Attention
from bsroformer.models.bs_roformer.rotary import RotaryEmbedding


def halves(features: int) -> Tensor:
    """Where interleaved pairs of features stand once all first ones come before all second ones."""
    return torch.cat([torch.arange(0, features, 2), torch.arange(1, features, 2)])


class FusableRotary(nn.Module):
    """The tables of a `RotaryEmbedding` for vectors in halves instead of pairs, ``(1 1 l e)``, and no signs in them."""

    def __init__(self, rotary: RotaryEmbedding) -> None:
        super().__init__()
        self.rotary = rotary

    def forward(self, length: int) -> tuple[Tensor, Tensor]:
        """Return cosines and sines for the first `length` positions."""
        cos, sin = self.rotary(length)  # (l e), twice each, the first of two sines with a minus
        half = cos[:, ::2], sin[:, 1::2]
        cos, sin = (torch.cat([table, table], dim=-1) for table in half)
        return cos[None, None], sin[None, None]


class FusableAttention(nn.Module):
    """An `Attention` with a linear map for each of q, k and v, q and k in halves, and the scale in q's weights.

    Which order q and k have their features in does not matter to their products, if both have the same.
    """

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.heads, self.norm = attention.heads, attention.norm
        self.to_gates, self.to_out = attention.to_gates, attention.to_out
        q, k, v = rearrange(attention.to_qkv.weight, "(three h e) d -> three h e d", three=3, h=self.heads)
        order = halves(q.shape[1])
        scale = q.shape[1] ** -0.5
        weights = scale * q[:, order], k[:, order], v
        self.to_q, self.to_k, self.to_v = (nn.Parameter(weight.flatten(0, 1)) for weight in weights)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attend along the sequences ``(s l d)``; the tables are those of `FusableRotary`."""
        x = self.norm(x)
        q, k, v = (self._by_head(F.linear(x, weight)) for weight in (self.to_q, self.to_k, self.to_v))
        found = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, scale=1.0)
        gates = self.to_gates(x).sigmoid().unsqueeze(-1)  # (s l h 1)
        return self.to_out((found.transpose(1, 2) * gates).flatten(2))

    def _by_head(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (s h l e)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the vectors ``(s h l e)``, whose first half holds the first feature of each pair."""
    first, second = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return x * cos + torch.cat([second * -1.0, first], dim=-1) * sin  # OpenVINO knows it by the product with -1
