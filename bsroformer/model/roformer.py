"""Assembly of the Band-Split RoFormer: waveform in, stems out."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bsroformer.audio.stft import Stft
from bsroformer.model.band_split import BandSplit
from bsroformer.model.bands import BandLayout, fixed_bands, mel_bands
from bsroformer.model.mask_estimator import MaskEstimators
from bsroformer.model.norm import RMSNorm
from bsroformer.model.rotary import RotaryEmbedding
from bsroformer.model.settings import FixedBands, ModelSettings
from bsroformer.model.transformer import Block


class BandSplitRoformer(nn.Module):
    """Band-Split RoFormer (Lu et al., arXiv 2309.02612); with mel bands, Mel-Band RoFormer (arXiv 2310.01809).

    Where it differs from the paper it follows the public checkpoints: gated attention, one norm after the trunk
    instead of one in each mask estimator.

    Args:
        settings: The sizes; kept as ``settings``, from which the model can be rebuilt.

    Attributes:
        stems: Names of the outputs, in their order.
        sample_rate: Hz.
        recomputed_blocks: How many blocks, from the first, are computed again in the backward pass instead of keeping
            their activations (activation checkpointing, arXiv 1604.06174).
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.recomputed_blocks = 0
        stft, trunk, channels = settings.stft, settings.trunk, settings.channels
        layout = band_layout(settings)
        self.stft = Stft(stft.n_fft, stft.hop_length, stft.win_length, stft.normalized)
        self.band_split = BandSplit(layout, channels, trunk.dim)
        self.time_rotary = RotaryEmbedding(trunk.dim_head)
        self.band_rotary = RotaryEmbedding(trunk.dim_head)
        self.blocks = nn.ModuleList(Block(trunk) for _ in range(trunk.depth))
        self.final_norm = RMSNorm(trunk.dim) if trunk.norm == "final" else nn.Identity()
        self.mask_estimators = MaskEstimators(layout, len(settings.stems), channels, trunk.dim, settings.masks)

    @property
    def stems(self) -> tuple[str, ...]:  # noqa: D102 (an attribute of the class)
        return self.settings.stems

    @property
    def sample_rate(self) -> int:  # noqa: D102 (an attribute of the class)
        return self.settings.sample_rate

    def compile_blocks(self) -> None:
        """Compile each block, in place: no weight gets another name, and no complex number is compiled.

        It takes half a minute at the first excerpt of each length.
        """
        for block in self.blocks:
            block.compile()

    @property
    def compiled(self) -> bool:
        """Whether the blocks are compiled."""
        return any(block._compiled_call_impl is not None for block in self.blocks)

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` at `sample_rate` into stems ``(b n c t)``.

        Raises:
            ValueError: If the mixture has another shape or number of channels.
        """
        if mixture.ndim != 3 or mixture.shape[1] != self.settings.channels:
            raise ValueError(
                f"the model takes (batch, {self.settings.channels} channels, samples), got {tuple(mixture.shape)}"
            )
        spectrum = self.stft(mixture)  # (b c f m)
        features = self.trunk(self.band_split(torch.view_as_real(spectrum)))  # (b m k d)
        masks = self.mask_estimators(features)  # (b n c f m z)
        return self.separated(spectrum, masks, length=mixture.shape[-1])

    def separated(self, spectrum: Tensor, masks: Tensor, length: int) -> Tensor:
        """Stems ``(b n c t)`` of `length` samples: the spectrum ``(b c f m)`` times masks ``(b n c f m z)``."""
        return self.stft.inverse(torch.view_as_complex(masks) * spectrum.unsqueeze(1), length)

    def trunk(self, x: Tensor) -> Tensor:
        """Transform the features ``(b m k d)`` by all blocks."""
        _, frames, bands, _ = x.shape
        rotary = self.time_rotary(frames), self.band_rotary(bands)
        earlier = None  # the sum of all earlier blocks' outputs
        for number, block in enumerate(self.blocks):
            if number < self.recomputed_blocks and torch.is_grad_enabled():
                x = checkpoint(block, x, earlier, *rotary, use_reentrant=False)
            else:
                x = block(x, earlier, *rotary)
            if self.settings.trunk.skip_connection:
                earlier = x if earlier is None else earlier + x
        return self.final_norm(x)


def band_layout(settings: ModelSettings) -> BandLayout:
    """The bands that the settings describe.

    Raises:
        InputError: If they do not fit the spectrum.
    """
    n_fft = settings.stft.n_fft
    if isinstance(settings.bands, FixedBands):
        widths = [width for count, width in settings.bands.widths for _ in range(count)]
        return fixed_bands(widths, n_fft // 2 + 1)
    return mel_bands(settings.bands.count, n_fft, settings.bands.sample_rate or settings.sample_rate)
