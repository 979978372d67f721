"""Assembly of Spectral Feature Compression: waveform in, stems out."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from bsroformer.models.abilities import Shape
from bsroformer.models.conv_swiglu import ConvSwiGLU
from bsroformer.models.empty_model import blank_model
from bsroformer.models.masking_model import MaskingModel
from bsroformer.models.registry import register_architecture
from bsroformer.models.spectral_compression.attention import SelfAttention
from bsroformer.models.spectral_compression.bands import band_bias, musical_bands
from bsroformer.models.spectral_compression.block import Block
from bsroformer.models.spectral_compression.cross_attention import QueryAttention
from bsroformer.models.spectral_compression.decoder import Decoder
from bsroformer.models.spectral_compression.encoder import Encoder
from bsroformer.models.spectral_compression.feed_forward import SwiGLU
from bsroformer.models.spectral_compression.real_core import CompressionCore
from bsroformer.models.spectral_compression.settings import NAME, CompressionModelSettings

SILENCE = 1e-8
"""Lower bound of the standard deviation that a mixture is divided by."""


@register_architecture(NAME, CompressionModelSettings)
class SpectralCompression(MaskingModel):
    """Spectral Feature Compression by cross-attention, SFC-CA (arXiv 2602.08671).

    The encoder compresses the bins of each frame to a few bands, a TF-Locoformer (arXiv 2408.03440) models bands and
    frames, and the decoder expands them to masks of all bins. Details that the papers leave open follow the sizes and
    the number of parameters of the authors' published model.

    Args:
        settings: The sizes that rebuild the model.
    """

    settings: CompressionModelSettings
    stem_parts = ("decoder.to_masks",)
    stem_settings = ()
    parts: Mapping[str, tuple[str, ...]] = {"encoder": ("encoder",), "trunk": ("blocks",), "decoder": ("decoder",)}

    def __init__(self, settings: CompressionModelSettings) -> None:
        super().__init__(settings, settings.stft)
        stft = settings.stft
        compression = settings.compression
        channels = settings.channels
        bias = band_bias(musical_bands(compression.bands, stft.n_fft), settings.n_bins)
        sizes = channels, settings.trunk.dim, compression, bias
        self.encoder = Encoder(*sizes)
        self.blocks = nn.ModuleList(Block(settings.trunk) for _ in range(settings.trunk.depth))
        self.decoder = Decoder(len(settings.stems), *sizes)

    @property
    def recomputable_blocks(self) -> Sequence[nn.Module]:
        """Encoder, blocks of the trunk and decoder; the features of the bins take most memory."""
        return [self.encoder, *self.blocks, self.decoder]

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` at `sample_rate` into stems ``(b n c t)``.

        Raises:
            ValueError: If the mixture has another shape or number of channels.
        """
        self.check_mixture(mixture)
        spectrum = self.stft(mixture)  # (b c f m)
        masks = self.masks(self.standardized(spectrum, mixture))  # (b n c f m z)
        return self.separated(spectrum, masks, length=mixture.shape[-1])

    def standardized(self, spectrum: Tensor, mixture: Tensor) -> Tensor:
        """Divide a spectrum ``(b c f m)`` by the mixture's standard deviation: ``(b c f m z)``.

        Masks of the original spectrum then equal masks of the divided one, scaled back.
        """
        deviation = mixture.float().std(dim=(1, 2), correction=0).clamp(min=SILENCE)  # (b)
        return torch.view_as_real(spectrum / deviation[:, None, None, None])

    def masks(self, spectrum: Tensor) -> Tensor:
        """Compute masks ``(b n c f m z)`` for a standardized spectrum ``(b c f m z)``."""
        x = spectrum  # (b m k d) from the encoder to the decoder
        for number in range(len(self.recomputable_blocks)):
            x = self.run_block(number, x)
        return x

    @torch.no_grad()
    def with_stem_numbers(self, numbers: Sequence[int]) -> "SpectralCompression":
        """Make a model of some stems, in the given order, that shares all other weights."""
        stems = tuple(self.stems[number] for number in numbers)
        smaller = blank_model(self.settings.model_copy(update={"stems": stems}))
        assert isinstance(smaller, SpectralCompression)
        weights = dict(self.state_dict())
        weights |= {f"decoder.{name}": weight for name, weight in self.decoder.weights_of(numbers).items()}
        smaller.load_state_dict(weights, assign=True)
        return smaller

    def hidden_matrices(self) -> Iterator[tuple[Tensor, Shape]]:
        """Yield the matrices of the trunk: those of attention, and convolutions with all taps side by side."""
        for module in self.blocks.modules():
            if isinstance(module, SelfAttention):
                yield module.to_qkv.weight, (3, -1, module.to_qkv.in_features)
                yield module.to_out.weight, (1, -1, module.to_out.in_features)
            elif isinstance(module, nn.Conv1d):
                yield module.weight, (1, module.out_channels, -1)

    def updatable_layers(self) -> Mapping[str, Sequence[nn.Module]]:
        """Return the layers to which low-rank updates can be added."""
        attention: list[nn.Module] = []
        feed_forward: list[nn.Module] = []
        for module in self.modules():
            if isinstance(module, SelfAttention):
                attention += [module.to_qkv, module.to_out]
            elif isinstance(module, QueryAttention):
                attention += [module.to_q, module.to_kv, module.to_out]
            elif isinstance(module, SwiGLU):
                feed_forward += [module.to_values, module.to_gates, module.contract]
            elif isinstance(module, ConvSwiGLU):
                feed_forward += [module.expand, module.contract]
        return {"attention": attention, "feed_forward": feed_forward}

    def real_core(self) -> CompressionCore:
        """Return the learned part for engines without complex numbers."""
        return CompressionCore(self)
