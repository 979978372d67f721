"""Transformers along time and along bands, the two halves of a block."""

from einops import rearrange
from torch import Tensor, nn

from bsroformer.model.attention import Attention
from bsroformer.model.feed_forward import FeedForward
from bsroformer.model.norm import RMSNorm
from bsroformer.model.settings import TrunkSettings

Rotary = tuple[Tensor, Tensor]


class Transformer(nn.Module):
    """Layers of attention and feed-forward, each added to its input.

    Args:
        layers: Number of layers.
        trunk: Their sizes.
    """

    def __init__(self, layers: int, trunk: TrunkSettings) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(
            Attention(trunk.dim, trunk.heads, trunk.dim_head, trunk.dropout) for _ in range(layers)
        )
        self.feed_forwards = nn.ModuleList(FeedForward(trunk.dim, dropout=trunk.dropout) for _ in range(layers))
        self.norm = RMSNorm(trunk.dim) if trunk.norm == "each_transformer" else nn.Identity()

    def forward(self, x: Tensor, rotary: Rotary) -> Tensor:
        """Transform the sequences ``(s l d)``."""
        for attention, feed_forward in zip(self.attentions, self.feed_forwards, strict=True):
            x = x + attention(x, rotary)
            x = x + feed_forward(x)
        return self.norm(x)


class Block(nn.Module):
    """A transformer along time, then one along bands (arXiv 2309.02612, section 3.2)."""

    def __init__(self, trunk: TrunkSettings) -> None:
        super().__init__()
        self.time = Transformer(trunk.time_depth, trunk)
        self.band = Transformer(trunk.band_depth, trunk)

    def forward(self, x: Tensor, time_rotary: Rotary, band_rotary: Rotary) -> Tensor:
        """Transform ``(b m k d)``: each band over all frames, then each frame over all bands."""
        batch = x.shape[0]
        x = self.time(rearrange(x, "b m k d -> (b k) m d"), time_rotary)
        x = self.band(rearrange(x, "(b k) m d -> (b m) k d", b=batch), band_rotary)
        return rearrange(x, "(b m) k d -> b m k d", b=batch)
