"""A block of the trunk: a Locoformer layer along bands, then one along time."""

from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.conv_swiglu import ConvSwiGLU
from bsroformer.models.spectral_compression.attention import SelfAttention
from bsroformer.models.spectral_compression.settings import TrunkSettings


class LocoformerLayer(nn.Module):
    """Attention between two convolutional networks (arXiv 2408.03440, macaron style).

    Each is added to its input.
    """

    def __init__(self, trunk: TrunkSettings) -> None:
        super().__init__()
        convolution = trunk.dim, trunk.hidden, trunk.kernel, trunk.norm_groups, trunk.dropout
        self.before = ConvSwiGLU(*convolution)
        self.attention = SelfAttention(trunk.dim, trunk.heads, trunk.dim_head, trunk.norm_groups, trunk.dropout)
        self.after = ConvSwiGLU(*convolution)

    def forward(self, x: Tensor) -> Tensor:
        """Transform the sequences ``(s l d)``."""
        x = x + self.before(x)
        x = x + self.attention(x)
        return x + self.after(x)


class Block(nn.Module):
    """Frequency modeling, then temporal modeling (arXiv 2408.03440, TF-Locoformer block)."""

    def __init__(self, trunk: TrunkSettings) -> None:
        super().__init__()
        self.band = LocoformerLayer(trunk)
        self.time = LocoformerLayer(trunk)

    def forward(self, x: Tensor) -> Tensor:
        """Transform ``(b m k d)`` along bands, then along frames."""
        batch = x.shape[0]
        x = self.band(rearrange(x, "b m k d -> (b m) k d"))
        x = self.time(rearrange(x, "(b m) k d -> (b k) m d", b=batch))
        return rearrange(x, "(b k) m d -> b m k d", b=batch)
