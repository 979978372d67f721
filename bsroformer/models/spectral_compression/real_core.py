"""The learned part of a Spectral Feature Compression model as a real-valued network."""

import copy
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from bsroformer.models.spectral_compression.model import SpectralCompression


class CompressionCore:
    """STFT, masking and inverse STFT around the network: see `RealCore`."""

    def __init__(self, model: "SpectralCompression") -> None:
        self.model = model

    def split(self, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """Turn ``(1 c t)`` into the network's input ``(1 c f m z)`` and the spectrum ``(1 c f m)``."""
        spectrum = self.model.stft(mixture)
        return self.model.standardized(spectrum, mixture).contiguous(), spectrum

    def network(self) -> nn.Module:
        """Build the network."""
        return RealNetwork(self.model)

    def join(self, output: Tensor, context: Tensor, length: int) -> Tensor:
        """Apply masks ``(1 n c f m z)`` to the spectrum: stems ``(1 n c t)``."""
        return self.model.separated(context, output, length)


class RealNetwork(nn.Module):
    """Encoder, trunk and decoder."""

    def __init__(self, model: "SpectralCompression") -> None:
        super().__init__()
        self.model = copy.deepcopy(model)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Compute masks ``(b n c f m z)`` for a spectrum ``(b c f m z)``."""
        return self.model.masks(spectrum)
