"""Assembly of the Band-Split RoFormer: waveform in, stems out."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from bsroformer.models.abilities import Shape
from bsroformer.models.bs_roformer.attention import Attention
from bsroformer.models.bs_roformer.band_split import BandSplit
from bsroformer.models.bs_roformer.feed_forward import FeedForward
from bsroformer.models.bs_roformer.linear_attention import LinearAttention
from bsroformer.models.bs_roformer.mask_estimator import MaskEstimators
from bsroformer.models.bs_roformer.public import RoformerLayout
from bsroformer.models.bs_roformer.real_core import RoformerCore
from bsroformer.models.bs_roformer.rotary import RotaryEmbedding
from bsroformer.models.bs_roformer.settings import NAME, RoformerSettings
from bsroformer.models.bs_roformer.transformer import Block
from bsroformer.models.conv_swiglu import ConvSwiGLU
from bsroformer.models.empty_model import blank_model
from bsroformer.models.masking_model import MaskingModel
from bsroformer.models.registry import register_architecture
from bsroformer.models.rms_norm import RMSNorm

FREQUENCIES = "_rotary.inverse_frequencies"


@register_architecture(NAME, RoformerSettings, RoformerLayout())
class BandSplitRoformer(MaskingModel):
    """Band-Split RoFormer (arXiv 2309.02612) and Mel-Band RoFormer (arXiv 2310.01809).

    Where it differs from the papers it follows the public checkpoints: gated attention, and one norm after the trunk
    instead of one in each mask estimator.

    Args:
        settings: The sizes that rebuild the model.
    """

    settings: RoformerSettings
    stem_parts = ("mask_estimators",)
    stem_settings = ("masks",)
    parts: Mapping[str, tuple[str, ...]] = {
        "band_split": ("band_split",),
        "trunk": ("blocks", "final_norm"),
        "masks": ("mask_estimators",),
    }

    def __init__(self, settings: RoformerSettings) -> None:
        super().__init__(settings, settings.stft)
        trunk = settings.trunk
        channels = settings.channels
        layout = settings.band_layout()
        self.band_split = BandSplit(layout, channels, trunk.dim)
        self.time_rotary = RotaryEmbedding(trunk.dim_head)
        self.band_rotary = RotaryEmbedding(trunk.dim_head)
        self.blocks = nn.ModuleList(Block(trunk) for _ in range(trunk.depth))
        self.final_norm = RMSNorm(trunk.dim) if trunk.norm == "final" else nn.Identity()
        self.mask_estimators = MaskEstimators(layout, len(settings.stems), channels, trunk.dim, settings.masks)

    @property
    def recomputable_blocks(self) -> Sequence[nn.Module]:
        """The blocks of the trunk."""
        return list(self.blocks)

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` at `sample_rate` into stems ``(b n c t)``.

        Raises:
            ValueError: If the mixture has another shape or number of channels.
        """
        self.check_mixture(mixture)
        spectrum = self.stft(mixture)  # (b c f m)
        features = self.trunk(self.band_split(torch.view_as_real(spectrum)))  # (b m k d)
        masks = self.mask_estimators(features)  # (b n c f m z)
        return self.separated(spectrum, masks, length=mixture.shape[-1])

    def trunk(self, x: Tensor) -> Tensor:
        """Transform the features ``(b m k d)`` by all blocks."""
        _, frames, bands, _ = x.shape
        rotary = self.time_rotary(frames), self.band_rotary(bands)
        earlier = None  # the sum of all earlier blocks' outputs
        for number in range(len(self.blocks)):
            x = self.run_block(number, x, earlier, *rotary)
            if self.settings.trunk.skip_connection:
                earlier = x if earlier is None else earlier + x
        return self.final_norm(x)

    @torch.no_grad()
    def with_stem_numbers(self, numbers: Sequence[int]) -> "BandSplitRoformer":
        """Make a model of some stems, in the given order, that shares the trunk's weights."""
        stems = tuple(self.stems[number] for number in numbers)
        smaller = blank_model(self.settings.model_copy(update={"stems": stems}))
        assert isinstance(smaller, BandSplitRoformer)
        masks = self.mask_estimators.weights_of(numbers)
        weights = dict(self.state_dict())
        weights |= {f"mask_estimators.{name}": weight for name, weight in masks.items()}
        smaller.load_state_dict(weights, assign=True)
        return smaller

    def hidden_matrices(self) -> Iterator[tuple[Tensor, Shape]]:
        """Yield the matrices of attention and feed-forward networks, and convolutions with all taps side by side."""
        for module in self.blocks.modules():
            if isinstance(module, Attention | LinearAttention):
                yield module.to_qkv.weight, (3, -1, module.to_qkv.in_features)
                yield module.to_out.weight, (1, -1, module.to_out.in_features)
            elif isinstance(module, FeedForward):
                yield module.expand.weight, (1, -1, module.expand.in_features)
                yield module.contract.weight, (1, -1, module.contract.in_features)
            elif isinstance(module, nn.Conv1d):
                yield module.weight, (1, module.out_channels, -1)

    def updatable_layers(self) -> Mapping[str, Sequence[nn.Module]]:
        """Return the layers to which low-rank updates can be added."""
        attention: list[nn.Module] = []
        feed_forward: list[nn.Module] = []
        for module in self.blocks.modules():
            if isinstance(module, Attention | LinearAttention):
                attention += [module.to_qkv, module.to_out]
            elif isinstance(module, FeedForward | ConvSwiGLU):
                feed_forward += [module.expand, module.contract]
        masks = [*self.mask_estimators.hidden, *self.mask_estimators.outputs]
        return {
            "attention": attention,
            "feed_forward": feed_forward,
            "band_split": list(self.band_split.linears),
            "masks": masks,
        }

    def real_core(self) -> RoformerCore:
        """Return the learned part for engines without complex numbers."""
        return RoformerCore(self)

    def absent_in_format(self, version: int) -> Collection[str]:
        """List the rotary frequencies, which format 1 of checkpoints lacks."""
        if version != 1:
            return []
        return [name for name in self.state_dict() if name.endswith(FREQUENCIES)]
