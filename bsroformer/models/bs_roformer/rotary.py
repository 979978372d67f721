"""Rotary position embedding on interleaved pairs of features.

RoFormer, arXiv 2104.09864, section 3.2.2.
"""

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def rotate_pairs(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor | None = None) -> Tensor:
    """Rotate each pair ``(x[2i], x[2i + 1])`` of the last axis by its angle.

    Args:
        x: ``(... l e)``.
        cos: ``(l e)``, the cosine of each pair's angle, repeated twice.
        sin: ``(l e)``, the sine likewise, negated for the first of each pair.
        out: Where to write the result, without a gradient.

    Returns:
        ``(... l e)``: ``x[2i] cos - x[2i+1] sin`` and ``x[2i+1] cos + x[2i] sin``, computed in the precision of
        the tables and returned in that of `x`.
    """
    swapped = x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    if out is not None:
        return torch.addcmul(x * cos, swapped, sin, out=out)  # rounds to the type of `out` as it writes
    return torch.addcmul(x * cos, swapped, sin).to(x.dtype)


def rotated_heads(qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Separate ``(s l 3 h e)`` into queries, keys and values ``(s h l e)``, and rotate queries and keys.

    A compiler fuses the plain formula; without one, `HeadRotation` moves half as many bytes in training.
    """
    if qkv.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling():
        return HeadRotation.apply(qkv, cos, sin)
    qk, v = rearrange(qkv, "s l three h e -> three s h l e").split((2, 1))
    q, k = rotate_pairs(qk, cos, sin)
    return q, k, v.squeeze(0)


class HeadRotation(torch.autograd.Function):
    """The computation of `rotated_heads` with an explicit gradient.

    It rotates back, and writes in the memory layout of `qkv`: autograd would convert types, and copy to stack the three
    gradients and to restore the layout.
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotate queries and keys; values are a view."""
        ctx.save_for_backward(cos, sin)
        heads = rearrange(qkv, "s l three h e -> three s h l e")
        rotated = torch.empty_like(heads[:2])
        q, k = rotate_pairs(heads[:2], cos, sin, out=rotated)
        return q, k, heads[2]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of `qkv`."""
        cos, sin = ctx.saved_tensors
        q, k, v = gradients
        sequences, heads, length, features = v.shape
        of_qkv = v.new_empty(sequences, length, 3, heads, features)
        of_q, of_k, of_v = rearrange(of_qkv, "s l three h e -> three s h l e")
        rotate_pairs(q, cos, -sin, out=of_q)
        rotate_pairs(k, cos, -sin, out=of_k)
        of_v.copy_(v)
        return of_qkv, None, None


class RotaryEmbedding(nn.Module):
    """Tables of cosines and sines for `rotate_pairs`, for positions 0, 1, 2, ...

    Args:
        dim: Features of an attention head, even.
        theta: Base of the geometric series of angles.
    """

    inverse_frequencies: Tensor

    def __init__(self, dim: int, theta: float = 10_000.0) -> None:
        super().__init__()
        inverse_frequencies = torch.tensor([theta ** (-feature / dim) for feature in range(0, dim, 2)])
        # Saved in checkpoints, since public ones in half precision were trained with rounded frequencies.
        self.register_buffer("inverse_frequencies", inverse_frequencies)

    def forward(self, length: int) -> tuple[Tensor, Tensor]:
        """Return cosines and signed sines of positions, float32 ``(l e)`` each."""
        positions = torch.arange(length, device=self.inverse_frequencies.device, dtype=torch.float32)
        angles = torch.outer(positions, self.inverse_frequencies)
        cos = angles.cos().repeat_interleave(2, dim=-1)
        sin = angles.sin()
        signed_sin = torch.stack((-sin, sin), dim=-1).flatten(-2)
        return cos, signed_sin
