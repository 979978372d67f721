"""Band layers as a Python loop over bands and stems.

Each band and stem has a small linear layer.

The public implementations of BS-RoFormer have such layers. The grouped layers of `bsroformer.models.bs_roformer` are
compared with them in results and in speed. No trained model has them.
"""

import copy
from collections.abc import Sequence
from itertools import chain, pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.models.bs_roformer.band_linear import BandLinear
from bsroformer.models.bs_roformer.band_split import BandSplit
from bsroformer.models.bs_roformer.bands import BandLayout
from bsroformer.models.bs_roformer.mask_estimator import MaskEstimators
from bsroformer.models.bs_roformer.settings import MaskSettings


def with_loops(model: BandSplitRoformer) -> BandSplitRoformer:
    """Copy a model, with its weights, to one that loops over bands and stems."""
    settings, layout = model.settings, model.settings.band_layout()
    channels, dim = settings.channels, settings.trunk.dim
    split = LoopBandSplit(layout, channels, dim)
    split.copy_weights(model.band_split, layout)
    masks = LoopMaskEstimators(layout, len(settings.stems), channels, dim, settings.masks)
    masks.copy_weights(model.mask_estimators, layout)
    looped = copy.deepcopy(model)
    looped.register_module("band_split", split.to(model.stft.window.device))
    looped.register_module("mask_estimators", masks.to(model.stft.window.device))
    return looped


class LoopRMSNorm(nn.Module):
    """RMSNorm of the public implementation."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = dim**0.5
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(... d)``."""
        return F.normalize(x, dim=-1) * self.scale * self.gamma


class LoopBandSplit(nn.Module):
    """Band split, one band at a time, with the arguments of `BandSplit`."""

    bins: Tensor

    def __init__(self, layout: BandLayout, channels: int, dim: int) -> None:
        super().__init__()
        self.in_order = layout.in_order
        self.sizes = [2 * channels * len(bins) for bins in layout.bins]
        self.to_features = nn.ModuleList(nn.Sequential(LoopRMSNorm(size), nn.Linear(size, dim)) for size in self.sizes)
        self.register_buffer("bins", torch.tensor(list(chain(*layout.bins))), persistent=False)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Map a spectrum ``(b c f m z)`` to features ``(b m k d)``."""
        if not self.in_order:
            spectrum = spectrum.index_select(2, self.bins)
        values = rearrange(spectrum, "b c f m z -> b m (f c z)")
        bands = zip(values.split(self.sizes, dim=-1), self.to_features, strict=True)
        return torch.stack([to_features(band) for band, to_features in bands], dim=-2).float()

    @torch.no_grad()
    def copy_weights(self, grouped: BandSplit, layout: BandLayout) -> None:
        """Take the weights of the grouped layer."""
        for group, gammas, linear in zip(layout.groups, grouped.gammas, grouped.linears, strict=True):
            assert isinstance(linear, BandLinear)
            copy_band_linear(linear, [[self.to_features[band].get_submodule("1")] for band in group.bands])
            for band, gamma in zip(group.bands, gammas, strict=True):
                self.to_features[band].get_parameter("0.gamma").copy_(gamma[0])


class LoopMaskEstimators(nn.Module):
    """Mask estimators, one stem and band at a time, with the same arguments."""

    bins: Tensor
    bands_per_bin: Tensor

    def __init__(self, layout: BandLayout, stems: int, channels: int, dim: int, masks: MaskSettings) -> None:
        super().__init__()
        self.channels, self.zero_dc = channels, masks.zero_dc
        self.n_bins, self.in_order = layout.n_bins, layout.in_order
        self.stems = nn.ModuleList(
            nn.ModuleList(mask_layers(dim, 2 * channels * len(bins), masks) for bins in layout.bins)
            for _ in range(stems)
        )
        self.register_buffer("bins", torch.tensor(list(chain(*layout.bins))), persistent=False)
        self.register_buffer("bands_per_bin", layout.bands_per_bin(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``(b m k d)`` to masks ``(b n c f m z)``."""
        masks = torch.stack([self._one_stem(to_masks, features) for to_masks in self.stems], dim=1)
        masks = rearrange(masks.float(), "b n m (f c z) -> b n c f m z", c=self.channels, z=2)
        if not self.in_order:
            shape = (*masks.shape[:3], self.n_bins, *masks.shape[-2:])
            masks = masks.new_zeros(shape).index_add(3, self.bins, masks) / self.bands_per_bin[:, None, None]
        if self.zero_dc:
            masks = masks.index_fill(3, self.bins.new_zeros(1), 0)
        return masks.contiguous()

    @staticmethod
    def _one_stem(to_masks: nn.Module, features: Tensor) -> Tensor:
        """Compute one stem's masks of all bands: ``(b m fcz)``."""
        assert isinstance(to_masks, nn.ModuleList)
        bands = zip(features.unbind(dim=-2), to_masks, strict=True)
        return torch.cat([to_mask(band) for band, to_mask in bands], dim=-1)

    @torch.no_grad()
    def copy_weights(self, grouped: MaskEstimators, layout: BandLayout) -> None:
        """Take the weights of the grouped layer."""
        for index, hidden in enumerate(grouped.hidden):
            assert isinstance(hidden, BandLinear)
            copy_band_linear(hidden, self._linears(2 * index, layout.grouped_bands))
        for group, output in zip(layout.groups, grouped.outputs, strict=True):
            assert isinstance(output, BandLinear)
            copy_band_linear(output, self._linears(2 * len(grouped.hidden), group.bands))

    def _linears(self, place: int, bands: Sequence[int]) -> list[list[nn.Module]]:
        """Return the linear layers at a position of each sequence, by band and stem."""
        return [[stem.get_submodule(f"{band}.{place}") for stem in self.stems] for band in bands]


def mask_layers(dim: int, size: int, masks: MaskSettings) -> nn.Sequential:
    """Make the layers from a band's features to one stem's mask."""
    widths = [dim] + [masks.width(dim)] * masks.hidden_layers
    layers: list[nn.Module] = []
    for dim_in, dim_out in pairwise(widths):
        layers += [nn.Linear(dim_in, dim_out), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 2 * size), nn.GLU(dim=-1))


def copy_band_linear(grouped: BandLinear, linears: Sequence[Sequence[nn.Module]]) -> None:
    """Copy the weights of a `BandLinear` to the linear layers of each band and stem, who may share them."""
    bands, stems = len(linears), len(linears[0])
    maps = len(grouped.weight) * grouped.fan_out // bands
    weights = grouped.weight.reshape(bands, maps, -1, grouped.weight.shape[-1])  # (k n e d), or n = 1
    biases = grouped.bias.reshape(bands, maps, -1)  # (k n e), or n = 1
    weights = weights.expand(-1, stems, -1, -1)
    biases = biases.expand(-1, stems, -1)
    for row, row_weights, row_biases in zip(linears, weights, biases, strict=True):
        for linear, weight, bias in zip(row, row_weights, row_biases, strict=True):
            linear.get_parameter("weight").copy_(weight)
            linear.get_parameter("bias").copy_(bias)
