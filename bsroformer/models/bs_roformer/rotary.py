"""Rotary position embedding on interleaved pairs of features.

RoFormer, arXiv 2104.09864, section 3.2.2.
"""

import torch
from torch import Tensor, nn


def rotate_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair ``(x[2i], x[2i + 1])`` of the last axis by its angle.

    Args:
        x: ``(... l e)``.
        cos: ``(l e)``, the cosine of each pair's angle, repeated twice.
        sin: ``(l e)``, the sine likewise, negated for the first of each pair.

    Returns:
        ``(... l e)``: ``x[2i] cos - x[2i+1] sin`` and ``x[2i+1] cos + x[2i] sin``, computed in the precision of
        the tables and returned in that of `x`.
    """
    swapped = x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return torch.addcmul(x * cos, swapped, sin).to(x.dtype)


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
