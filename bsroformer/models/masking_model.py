"""Models that multiply the mixture's spectrum by complex masks."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from bsroformer.audio.stft import Stft
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings, StftSettings


class MaskingModel(SeparationModel):
    """A model of blocks between STFT and inverse STFT.

    Args:
        settings: The sizes that rebuild the model.
        stft: Those of the spectrum.

    Attributes:
        recomputed_blocks: Number of blocks, from the first, to recompute in the backward pass instead of saving their
            activations (activation checkpointing, arXiv 1604.06174).
    """

    def __init__(self, settings: ModelSettings, stft: StftSettings) -> None:
        super().__init__(settings)
        self.recomputed_blocks = 0
        self.stft = Stft(stft.n_fft, stft.hop_length, stft.win_length, stft.normalized)

    @property
    @abstractmethod
    def recomputable_blocks(self) -> Sequence[nn.Module]:
        """The blocks, in order of computation."""

    def compile_blocks(self) -> None:
        """Compile each block in place, which keeps the names of weights.

        Complex numbers stay outside the blocks. Compilation takes half a minute at the first excerpt of each length.
        """
        for block in self.recomputable_blocks:
            block.compile()

    @property
    def compiled(self) -> bool:
        """True if the blocks are compiled."""
        return any(block._compiled_call_impl is not None for block in self.recomputable_blocks)

    def run_block(self, number: int, *inputs: Tensor | tuple[Tensor, Tensor] | None) -> Tensor:
        """Compute the block of a number, to be recomputed in the backward pass if it is among the first."""
        block = self.recomputable_blocks[number]
        if number < self.recomputed_blocks and torch.is_grad_enabled():
            return checkpoint(block, *inputs, use_reentrant=False)
        return block(*inputs)

    def separated(self, spectrum: Tensor, masks: Tensor, length: int) -> Tensor:
        """Apply masks ``(b n c f m z)`` to a spectrum ``(b c f m)``: stems ``(b n c t)``."""
        return self.stft.inverse(torch.view_as_complex(masks) * spectrum.unsqueeze(1), length)
