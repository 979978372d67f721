"""Mask estimators: the features of each band to a complex mask for each stem."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.bs_roformer.band_linear import BandLinear
from bsroformer.models.bs_roformer.bands import BandLayout
from bsroformer.models.bs_roformer.settings import MaskSettings


class MaskEstimators(nn.Module):
    """Hidden layers with tanh and a gated linear unit, for each stem and band.

    As in arXiv 2309.02612, section 3.3, without its RMSNorm, which the trunk's final norm replaces; the stems may share
    the hidden layers. All stems and all bands of one width are computed in one batched matmul.

    Args:
        layout: The bins of each band; where bands overlap, a bin's masks are averaged (arXiv 2310.01809, section 2).
        stems: Number of stems.
        channels: Channels of the spectrum.
        dim: Features of a band.
        masks: Width and number of the hidden layers.
    """

    bands: Tensor
    bins: Tensor
    bands_per_bin: Tensor

    def __init__(self, layout: BandLayout, stems: int, channels: int, dim: int, masks: MaskSettings) -> None:
        super().__init__()
        self.stems = stems
        self.channels = channels
        self.zero_dc = masks.zero_dc
        self.n_bins = layout.n_bins
        self.in_order = layout.in_order
        self.first_stem_layer = masks.first_stem_layer
        widths = [dim] + [masks.width(dim)] * masks.hidden_layers
        self.hidden = nn.ModuleList(
            self._layer(len(layout), number, dim_in, dim_out)
            for number, (dim_in, dim_out) in enumerate(pairwise(widths))
        )
        outputs = [  # twice the mask's values: the gated linear unit halves them
            self._layer(len(group.bands), masks.hidden_layers, widths[-1], 2 * 2 * channels * group.width)
            for group in layout.groups
        ]
        self.outputs = nn.ModuleList(outputs)
        self.split_sizes = [len(output.weight) for output in outputs]
        for output in outputs:
            share_mixture(output, stems)
        self.register_buffer("bands", torch.tensor(layout.grouped_bands), persistent=False)
        self.register_buffer("bins", torch.tensor(layout.grouped_bins), persistent=False)
        self.register_buffer("bands_per_bin", layout.bands_per_bin(), persistent=False)

    def _layer(self, bands: int, number: int, dim_in: int, dim_out: int) -> BandLinear:
        """Make the linear layer of a number: one map of a band for all stems, or one for each stem."""
        if number < self.first_stem_layer:
            return BandLinear(bands, dim_in, dim_out)
        if number == self.first_stem_layer:
            return BandLinear(bands, dim_in, dim_out, fan_out=self.stems)
        return BandLinear(bands * self.stems, dim_in, dim_out)

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``(b m k d)`` to masks ``(b n c f m z)``, unbounded in magnitude."""
        return self.on_bins(self.on_bands(features))

    def on_bands(self, features: Tensor) -> Tensor:
        """Map features to the masks of each band's bins, by group: ``(b n c m kf z)``."""
        x = rearrange(features, "b m k d -> k d (b m)")
        if not self.in_order:
            x = x.index_select(0, self.bands)
        for hidden in self.hidden:
            x = hidden(x).tanh()  # (kn d bm), or (k d bm) in shared layers
        masks = []
        for group, output in zip(x.split(self.split_sizes), self.outputs, strict=True):
            values = F.glu(output(group), dim=1)  # (kn fcz bm) for the bands of one width
            masks.append(
                rearrange(
                    values,
                    "(k n) (f c z) (b m) -> b n c m (k f) z",
                    b=len(features),
                    n=self.stems,
                    c=self.channels,
                    z=2,
                )
            )
        return torch.cat(masks, dim=-2).float()

    def on_bins(self, masks: Tensor) -> Tensor:
        """Map masks by group, ``(b n c m kf z)``, to masks of the bins, ``(b n c f m z)``."""
        if not self.in_order:
            summed = masks.new_zeros(*masks.shape[:-2], self.n_bins, 2).index_add(-2, self.bins, masks)
            masks = summed / self.bands_per_bin[:, None]
        if self.zero_dc:
            masks = F.pad(masks[..., 1:, :], (0, 0, 1, 0))
        return rearrange(masks, "b n c m f z -> b n c f m z")

    def weights_of(self, stems: Sequence[int]) -> dict[str, Tensor]:
        """Select the weights of some stems' estimators, named as in this module, but for layers that all share."""
        selected = {}
        shared = list(self.hidden)[: self.first_stem_layer]
        for path, layer in self.named_modules():
            if isinstance(layer, BandLinear) and layer not in shared:
                for name, weight in layer.weights_of(stems, self.stems).items():
                    selected[f"{path}.{name}"] = weight
        return selected


@torch.no_grad()
def share_mixture(output: BandLinear, stems: int) -> None:
    """Set an output layer's biases for initial masks around ``1 / stems``.

    With masks around zero a stem starts with either sign, and may keep the wrong one: SI-SDR does not depend on the
    sign, and between both lies an estimate without any of its target.
    """
    halves = rearrange(output.bias, "k (n half v z) -> half k n v z", n=output.fan_out, half=2, z=2)
    halves[0, ..., 0] += 2 / stems  # the real part of a value, whose gate is initially 1/2
