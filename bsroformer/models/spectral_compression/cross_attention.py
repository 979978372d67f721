"""Cross-attention from learned queries, with a learned bias for each pair."""

import torch
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models import cpu_training
from bsroformer.models.attend import attend
from bsroformer.models.rms_norm import RMSNorm
from bsroformer.models.spectral_compression.feed_forward import SwiGLU


def attend_with_bias(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Compute ``softmax(q k^T / sqrt(e) + bias) v`` for queries ``(h q e)`` of every sequence: ``(s h q e)``.

    PyTorch's kernels for CPUs have no gradient of the bias: see `attend_with_bias_on_cpu`.

    Args:
        q: Queries, the same for all sequences.
        k: Keys ``(s h l e)``.
        v: Values ``(s h l e)``.
        bias: ``(h q l)``.
    """
    q = q.expand(len(k), -1, -1, -1)
    if cpu_training.trains_on_cpu(k):
        return attend_with_bias_on_cpu(q, k, v, bias)
    return attend(q, k, v, bias=bias)


def attend_with_bias_on_cpu(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Compute `attend_with_bias` by operators that are fast on CPUs, forward and backward.

    The softmax over many rows of a few values is slow. The longer axis is therefore the last one of the logits,
    whether it holds queries or keys.
    """
    scaled = q * q.shape[-1] ** -0.5
    bias = bias.to(k.dtype).expand(len(k), -1, -1, -1)  # (s h q l)
    q, k, v, bias = (x.flatten(0, 1) for x in (scaled, k, v, bias))
    if q.shape[1] > k.shape[1]:
        weights = torch.baddbmm(bias.mT, k, q.mT).softmax(dim=1).mT
    else:
        weights = torch.baddbmm(bias, q, k.mT).softmax(dim=2)
    return (weights @ v).unflatten(0, (-1, scaled.shape[1]))


class QueryAttention(nn.Module):
    """Learned queries that attend to a sequence, and a feed-forward network (arXiv 2602.08671, SFC-CA).

    The queries are the same for every sequence; what they read depends on the sequence. Only the feed-forward network
    is added to its input, so that the output contains nothing of the queries themselves.

    Args:
        dim: Features of queries, inputs and outputs.
        heads: Number of heads.
        hidden: Features of the hidden layer of the feed-forward network.
        bias: Initial bias of attention ``(q l)``, the same for all heads.
    """

    def __init__(self, dim: int, heads: int, hidden: int, bias: Tensor) -> None:
        super().__init__()
        self.heads = heads
        self.queries = nn.Parameter(torch.empty(bias.shape[0], dim))
        self.bias = nn.Parameter(bias.float().repeat(heads, 1, 1))  # (h q l)
        self.query_norm = RMSNorm(dim)
        self.norm = RMSNorm(dim)
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_kv = nn.Linear(dim, 2 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim, bias=False)
        self.feed_forward = SwiGLU(dim, hidden)
        nn.init.normal_(self.queries)

    def forward(self, x: Tensor) -> Tensor:
        """Read sequences ``(s l d)`` into ``(s q d)``: ``softmax(q k^T / sqrt(e) + bias) v``."""
        q = rearrange(self.to_q(self.query_norm(self.queries)), "q (h e) -> h q e", h=self.heads)
        kv = self.to_kv(self.norm(x.float()))
        k, v = rearrange(kv, "s l (two h e) -> two s h l e", two=2, h=self.heads).unbind(0)
        attended = attend_with_bias(q, k, v, self.bias)  # (s h q e)
        x = self.to_out(rearrange(attended, "s h q e -> s q (h e)")).float()
        return x + self.feed_forward(x)
