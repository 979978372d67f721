"""Cross-attention from learned queries, with a learned bias for each pair."""

import torch
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.attend import attend
from bsroformer.models.rms_norm import RMSNorm
from bsroformer.models.spectral_compression.feed_forward import SwiGLU


class QueryAttention(nn.Module):
    """Learned queries that attend to a sequence, and a feed-forward network (arXiv 2602.08671, SFC-CA).

    The queries are the same for every sequence; what they read depends on the sequence. Only the feed-forward network
    is added to its input, so that the output contains nothing of the queries themselves.

    Args:
        dim: Features of queries, inputs and outputs.
        heads: Number of heads.
        bias: Initial bias of attention ``(q l)``, the same for all heads.
    """

    def __init__(self, dim: int, heads: int, bias: Tensor) -> None:
        super().__init__()
        self.heads = heads
        self.queries = nn.Parameter(torch.empty(bias.shape[0], dim))
        self.bias = nn.Parameter(bias.float().repeat(heads, 1, 1))  # (h q l)
        self.query_norm = RMSNorm(dim)
        self.input_norm = RMSNorm(dim)
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_kv = nn.Linear(dim, 2 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim, bias=False)
        self.feed_forward = SwiGLU(dim, 2 * dim)
        nn.init.normal_(self.queries)

    def forward(self, x: Tensor) -> Tensor:
        """Read sequences ``(s l d)`` into ``(s q d)``: ``softmax(q k^T / sqrt(e) + bias) v``."""
        q = rearrange(self.to_q(self.query_norm(self.queries)), "q (h e) -> h q e", h=self.heads)
        kv = self.to_kv(self.input_norm(x))
        k, v = rearrange(kv, "s l (two h e) -> two s h l e", two=2, h=self.heads).unbind(0)
        attended = attend(q.expand(len(x), -1, -1, -1), k, v, bias=self.bias)  # (s h q e)
        x = self.to_out(rearrange(attended, "s h q e -> s q (h e)"))
        return x + self.feed_forward(x)
