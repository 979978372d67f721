"""A block of the trunk: transformers along time and along bands.

In some models a transformer over both axes at once precedes them.
"""

from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.bs_roformer.attention import Attention
from bsroformer.models.bs_roformer.feed_forward import FeedForward
from bsroformer.models.bs_roformer.linear_attention import LinearAttention
from bsroformer.models.bs_roformer.settings import TrunkSettings
from bsroformer.models.conv_swiglu import ConvSwiGLU
from bsroformer.models.rms_norm import RMSNorm

Rotary = tuple[Tensor, Tensor]


def build_feed_forward(trunk: TrunkSettings) -> FeedForward | ConvSwiGLU:
    """Build the feed-forward network of a layer."""
    convolution = trunk.convolution
    if convolution is None:
        return FeedForward(trunk.dim, dropout=trunk.dropout)
    return ConvSwiGLU(trunk.dim, convolution.hidden, convolution.kernel, convolution.norm_groups, trunk.dropout)


class Transformer(nn.Module):
    """Layers of attention and feed-forward, each added to its input.

    Args:
        layers: Number of layers.
        trunk: Their sizes.
        attention: `Attention`, with rotary tables, or `LinearAttention`, without.
    """

    def __init__(
        self, layers: int, trunk: TrunkSettings, attention: type[Attention] | type[LinearAttention] = Attention
    ) -> None:
        super().__init__()
        sizes = trunk.dim, trunk.heads, trunk.dim_head, trunk.dropout_of_attention
        self.attentions = nn.ModuleList(attention(*sizes) for _ in range(layers))
        self.feed_forwards = nn.ModuleList(build_feed_forward(trunk) for _ in range(layers))
        self.norm = RMSNorm(trunk.dim) if trunk.norm == "each_transformer" else nn.Identity()

    def forward(self, x: Tensor, *rotary: Tensor) -> Tensor:
        """Transform the sequences ``(s l d)``."""
        for attention, feed_forward in zip(self.attentions, self.feed_forwards, strict=True):
            x = attention(x, *rotary) + x
            x = feed_forward(x) + x
        return self.norm(x)


class Block(nn.Module):
    """A transformer along time, then one along bands (arXiv 2309.02612, section 3.2).

    In some public checkpoints one with linear attention over all frames and bands precedes them.
    """

    def __init__(self, trunk: TrunkSettings) -> None:
        super().__init__()
        self.linear = Transformer(trunk.linear_depth, trunk, LinearAttention) if trunk.linear_depth else None
        self.time = Transformer(trunk.time_depth, trunk)
        self.band = Transformer(trunk.band_depth, trunk)

    def forward(self, x: Tensor, earlier: Tensor | None, time_rotary: Rotary, band_rotary: Rotary) -> Tensor:
        """Transform ``(b m k d)`` along frames, then along bands.

        Args:
            x: The features.
            earlier: The sum of all earlier blocks' outputs, if the trunk has skip connections.
            time_rotary: Tables for the frames.
            band_rotary: Tables for the bands.
        """
        batch, frames, _, _ = x.shape
        if self.linear is not None:
            x = self.linear(rearrange(x, "b m k d -> b (m k) d"))
            x = rearrange(x, "b (m k) d -> b m k d", m=frames)
        if earlier is not None:
            x = x + earlier
        x = self.time(rearrange(x, "b m k d -> (b k) m d"), *time_rotary)
        x = self.band(rearrange(x, "(b k) m d -> (b m) k d", b=batch), *band_rotary)
        return rearrange(x, "(b m) k d -> b m k d", b=batch)
