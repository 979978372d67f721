"""A second architecture: a masking network of two layers, added as a user would."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn

from bsroformer.audio.stft import Stft
from bsroformer.models import ModelSettings, SeparationModel, register_architecture
from bsroformer.models.registry import unregister_architecture

NAME: Literal["mask_net"] = "mask_net"
CONFIG = """\
architecture: mask_net
stems: ${data.stems}
sample_rate: ${audio.sample_rate}
channels: ${audio.channels}
chunk_seconds: ${data.seconds}
n_fft: 512
hop_length: 128
hidden: 8
"""


class MaskNetSettings(ModelSettings):
    architecture: Literal["mask_net"] = NAME
    n_fft: int
    hop_length: int
    hidden: int


class MaskNet(SeparationModel):
    settings: MaskNetSettings

    def __init__(self, settings: MaskNetSettings) -> None:
        super().__init__(settings)
        values = settings.channels * (settings.n_fft // 2 + 1)
        self.stft = Stft(settings.n_fft, settings.hop_length)
        self.hidden = nn.Linear(values, settings.hidden)
        self.masks = nn.Linear(settings.hidden, len(settings.stems) * values)

    def forward(self, mixture: Tensor) -> Tensor:
        self.check_mixture(mixture)
        spectrum = self.stft(mixture)  # (b c f m)
        hidden = self.hidden(rearrange(spectrum.abs(), "b c f m -> b m (c f)")).relu()
        masks = self.masks(hidden).float().sigmoid()
        stems, channels = len(self.stems), self.channels
        masks = rearrange(masks, "b m (n c f) -> b n c f m", n=stems, c=channels)
        return self.stft.inverse(masks * spectrum.unsqueeze(1), mixture.shape[-1])


@contextmanager
def registered() -> Iterator[None]:
    """Register the architecture until the block ends."""
    register_architecture(NAME, MaskNetSettings)(MaskNet)
    yield
    unregister_architecture(NAME)


def tree(**changes: object) -> dict[str, object]:
    """Plain settings of a small model."""
    audio = {"stems": ["vocals", "other"], "sample_rate": 8000, "channels": 2, "chunk_seconds": 0.1}
    return {"architecture": NAME, **audio, "n_fft": 64, "hop_length": 16, "hidden": 4, **changes}


def small(**changes: object) -> MaskNet:
    """Build a small model in evaluation mode."""
    torch.manual_seed(0)
    settings = MaskNetSettings.model_validate(tree(**changes))
    return MaskNet(settings).eval()
