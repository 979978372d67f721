"""The learned part of a Band-Split RoFormer as a real-valued network."""

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bsroformer.models.bs_roformer.attention import Attention
from bsroformer.models.bs_roformer.fusable import FusableAttention, FusableRotary
from bsroformer.models.bs_roformer.rotary import RotaryEmbedding

if TYPE_CHECKING:
    from bsroformer.models.bs_roformer.roformer import BandSplitRoformer


class RoformerCore:
    """STFT, masking and inverse STFT around the network: see `RealCore`."""

    def __init__(self, model: "BandSplitRoformer") -> None:
        self.model = model

    def split(self, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """Turn ``(1 c t)`` into parts ``(1 c m f z)`` and a spectrum ``(1 c f m)``."""
        spectrum = self.model.stft(mixture)
        return torch.view_as_real(spectrum.transpose(2, 3).contiguous()), spectrum

    def network(self) -> nn.Module:
        """Build the network."""
        return RealNetwork(self.model)

    def join(self, output: Tensor, context: Tensor, length: int) -> Tensor:
        """Apply masks ``(1 n c m kf z)`` to the spectrum: stems ``(1 n c t)``."""
        masks = self.model.mask_estimators.on_bins(output)  # (1 n c f m z)
        return self.model.separated(context, masks, length)


class RealNetwork(nn.Module):
    """Band split, trunk and mask estimators in operators that are fast in OpenVINO."""

    def __init__(self, model: "BandSplitRoformer") -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        for name, module in list(self.model.named_modules()):
            if isinstance(module, Attention):
                self.model.set_submodule(name, FusableAttention(module))
            elif isinstance(module, RotaryEmbedding):
                self.model.set_submodule(name, FusableRotary(module))

    def forward(self, spectrum: Tensor) -> Tensor:
        """Compute masks ``(b n c m kf z)`` for a spectrum ``(b c m f z)``."""
        model = self.model
        features = model.trunk(model.band_split(spectrum.transpose(2, 3)))  # (b m k d)
        return model.mask_estimators.on_bands(features)
