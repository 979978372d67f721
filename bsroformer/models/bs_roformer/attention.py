"""Gated multi-head self-attention with rotary positions."""

from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.attend import attend
from bsroformer.models.autocast import matmul_input
from bsroformer.models.bs_roformer.rotary import rotated_heads
from bsroformer.models.rms_norm import RMSNorm

__all__ = ["Attention", "attend"]


class Attention(nn.Module):
    """Pre-normalised self-attention with a sigmoid gate on the output of each head.

    The gates are not in the paper (arXiv 2309.02612, section 3.2) but in every public checkpoint.

    Args:
        dim: Features in and out.
        heads: Number of heads.
        dim_head: Features of a head.
        dropout: Dropout of attention weights and of the output.
    """

    def __init__(self, dim: int, heads: int, dim_head: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.norm = RMSNorm(dim)
        self.to_qkv = nn.Linear(dim, 3 * heads * dim_head, bias=False)
        self.to_gates = nn.Linear(dim, heads)
        self.to_out = nn.Linear(heads * dim_head, dim, bias=False)
        self.out_dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attend along sequences ``(s l d)``, rotated by the tables ``(l e)``.

        `RotaryEmbedding` computes `cos` and `sin`.
        """
        x = matmul_input(self.norm(x))
        qkv = rearrange(self.to_qkv(x), "s l (three h e) -> s l three h e", three=3, h=self.heads)
        q, k, v = rotated_heads(qkv, cos, sin)  # (s h l e) each
        dropout = self.dropout if self.training else 0.0
        attended = attend(q, k, v, dropout)  # (s h l e)
        gates = rearrange(self.to_gates(x).sigmoid(), "s l h -> s l h 1")
        gated = rearrange(attended, "s h l e -> s l h e") * gates
        return self.out_dropout(self.to_out(gated.flatten(2)))  # (s l d)
