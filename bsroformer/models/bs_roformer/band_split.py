"""Band split: a complex spectrum to one feature vector for each band and frame."""

import torch
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.bs_roformer.band_linear import BandLinear
from bsroformer.models.bs_roformer.bands import BandLayout
from bsroformer.models.rms_norm import rms_norm


class BandSplit(nn.Module):
    """RMSNorm and a linear layer for each band (arXiv 2309.02612, section 3.1).

    Args:
        layout: The bins of each band.
        channels: Channels of the spectrum.
        dim: Features of a band.
    """

    bins: Tensor
    ungroup: Tensor

    def __init__(self, layout: BandLayout, channels: int, dim: int) -> None:
        super().__init__()
        self.in_order = layout.in_order
        shapes = [(len(group.bands), 2 * channels * group.width) for group in layout.groups]
        self.split_sizes = [bands * width for bands, width in shapes]
        self.gammas = nn.ParameterList(torch.ones(bands, 1, width) for bands, width in shapes)
        self.linears = nn.ModuleList(BandLinear(bands, width, dim) for bands, width in shapes)
        self.register_buffer("bins", torch.tensor(layout.grouped_bins), persistent=False)
        self.register_buffer("ungroup", torch.tensor(layout.ungrouped_bands), persistent=False)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Map a spectrum ``(b c f m z)`` to features ``(b m k d)``."""
        batch = spectrum.shape[0]
        parts = rearrange(spectrum, "b c f m z -> (b m) f (c z)")
        if not self.in_order:
            parts = parts.index_select(1, self.bins)
        groups = parts.flatten(1).split(self.split_sizes, dim=1)  # (bm kfcz) for each width
        features = []
        for group, gamma, linear in zip(groups, self.gammas, self.linears, strict=True):
            values = rearrange(group, "x (k w) -> k x w", k=len(gamma))
            features.append(linear(rms_norm(values, gamma).mT).mT)
        bands = torch.cat(features)  # (k bm d), the memory layout of the first block
        if not self.in_order:
            bands = bands.index_select(0, self.ungroup)
        # The residual stream stays float32 under autocast: the 8 bits of bfloat16 are too few for sums of many layers.
        return rearrange(bands.float(), "k (b m) d -> b m k d", b=batch)
