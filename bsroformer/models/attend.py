"""Scaled dot-product attention, which all architectures share."""

import torch
import torch.nn.functional as F
from torch import Tensor

from bsroformer.models import cpu_training


def attend(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0, bias: Tensor | None = None) -> Tensor:
    """Compute ``softmax(q k^T / sqrt(e) + bias) v`` for queries ``(s h l e)``.

    On CPUs the backward pass of PyTorch's kernel is 2 to 6 times slower in bfloat16 than in float32. With gradients,
    attention is therefore computed in float32 there, even under autocast.

    Args:
        q: Queries ``(s h l e)``.
        k: Keys ``(s h j e)``.
        v: Values ``(s h j e)``.
        dropout: Dropout of attention weights.
        bias: Added to the scaled products; it broadcasts to ``(s h l j)``.
    """
    if cpu_training.trains_on_cpu(q):
        bias = None if bias is None else bias.float()
        with torch.autocast("cpu", enabled=False):
            return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=bias, dropout_p=dropout)
    bias = None if bias is None else bias.to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)
