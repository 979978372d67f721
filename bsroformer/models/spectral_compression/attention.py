"""Multi-head self-attention."""

from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.attend import attend
from bsroformer.models.rms_group_norm import RMSGroupNorm


class SelfAttention(nn.Module):
    """Pre-normalised self-attention without positions (arXiv 2408.03440, multi-head self-attention).

    TF-Locoformer turns queries and keys by rotary positions. The published Spectral Feature Compression does not, since
    the convolutions around attention give it the order of frames and bands.

    Args:
        dim: Features in and out.
        heads: Number of heads.
        dim_head: Features of a head.
        groups: Groups of the norm.
        dropout: Dropout of attention weights and of the output.
    """

    def __init__(self, dim: int, heads: int, dim_head: int, groups: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.norm = RMSGroupNorm(dim, groups)
        self.to_qkv = nn.Linear(dim, 3 * heads * dim_head, bias=False)
        self.to_out = nn.Linear(heads * dim_head, dim, bias=False)
        self.out_dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Attend along sequences ``(s l d)``."""
        qkv = self.to_qkv(self.norm(x))
        q, k, v = rearrange(qkv, "s l (three h e) -> three s h l e", three=3, h=self.heads).unbind(0)
        attended = attend(q, k, v, self.dropout if self.training else 0.0)  # (s h l e)
        return self.out_dropout(self.to_out(rearrange(attended, "s h l e -> s l (h e)")))
