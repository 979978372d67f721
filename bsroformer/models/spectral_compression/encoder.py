"""Encoder: a complex spectrum to one feature vector for each band and frame."""

from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.rms_norm import RMSNorm
from bsroformer.models.spectral_compression.convolution import LocalLinear
from bsroformer.models.spectral_compression.cross_attention import QueryAttention
from bsroformer.models.spectral_compression.settings import CompressionSettings


class Encoder(nn.Module):
    """Bands as queries that attend to the bins of their frame (arXiv 2602.08671, SFC-CA encoder).

    Args:
        channels: Channels of the spectrum.
        dim: Features of a band.
        compression: Sizes of cross-attention.
        bias: Initial bias of bands for bins ``(k f)``.
    """

    def __init__(self, channels: int, dim: int, compression: CompressionSettings, bias: Tensor) -> None:
        super().__init__()
        self.to_bins = LocalLinear(2 * channels, compression.dim)
        self.compress = QueryAttention(compression.dim, compression.heads, compression.hidden, bias)
        self.to_bands = LocalLinear(compression.dim, dim)
        self.band_norm = RMSNorm(dim)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Map a spectrum ``(b c f m z)`` to features ``(b m k d)``."""
        batch = spectrum.shape[0]
        bins = self.to_bins(rearrange(spectrum, "b c f m z -> b m f (c z)"))
        bands = self.compress(rearrange(bins, "b m f d -> (b m) f d"))  # (bm k d)
        bands = self.to_bands(rearrange(bands, "(b m) k d -> b m k d", b=batch))
        # The residual stream stays float32 under autocast: the 8 bits of bfloat16 are too few for sums of many layers.
        return self.band_norm(bands.float())
