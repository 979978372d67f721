"""Decoder: the features of the bands to a complex mask for each stem."""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.spectral_compression.convolution import LocalLinear
from bsroformer.models.spectral_compression.cross_attention import QueryAttention
from bsroformer.models.spectral_compression.settings import CompressionSettings

INITIAL_SPREAD = 0.25
"""Factor of the initial weights of the masks, for a spread of about 0.1 around ``1 / stems``."""


class Decoder(nn.Module):
    """Bins as queries that attend to the bands of their frame (arXiv 2602.08671, SFC-CA decoder).

    It mirrors the encoder; the positional bias starts as the transpose of the encoder's.

    Args:
        stems: Number of stems.
        channels: Channels of the spectrum.
        dim: Features of a band.
        compression: Sizes of cross-attention.
        bias: Initial bias of bands for bins ``(k f)``.
    """

    def __init__(self, stems: int, channels: int, dim: int, compression: CompressionSettings, bias: Tensor) -> None:
        super().__init__()
        self.stems = stems
        self.channels = channels
        self.from_bands = LocalLinear(dim, compression.dim)
        self.expand = QueryAttention(compression.dim, compression.heads, compression.hidden, bias.T)
        self.to_masks = LocalLinear(compression.dim, stems * channels * 2)
        share_mixture(self.to_masks, stems)

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``(b m k d)`` to masks ``(b n c f m z)``, unbounded in magnitude."""
        batch = features.shape[0]
        bands = self.from_bands(features)
        bins = self.expand(rearrange(bands, "b m k d -> (b m) k d"))  # (bm f d)
        masks = self.to_masks(rearrange(bins, "(b m) f d -> b m f d", b=batch))
        return rearrange(masks.float(), "b m f (n c z) -> b n c f m z", n=self.stems, c=self.channels)

    def weights_of(self, stems: Sequence[int]) -> dict[str, Tensor]:
        """Select the weights of some stems' masks, named as in this module."""
        selected = {}
        for name, weight in self.to_masks.state_dict().items():
            by_stem = rearrange(weight, "(n x) ... -> n x ...", n=self.stems)
            selected[f"to_masks.{name}"] = by_stem[list(stems)].flatten(0, 1)
        return selected


@torch.no_grad()
def share_mixture(to_masks: LocalLinear, stems: int) -> None:
    """Set the last layer for initial masks around ``1 / stems``.

    This is ours. With masks around zero a stem starts with either sign, and may keep the wrong one: SI-SDR does not
    depend on the sign, and between both lies an estimate without any of its target.
    """
    assert to_masks.bias is not None
    to_masks.weight *= INITIAL_SPREAD
    to_masks.bias[0::2] += 1 / stems  # the real parts
