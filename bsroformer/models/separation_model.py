"""A separation model as the rest of the package knows it: waveform in, stems out, whatever computes them."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from torch import Tensor, nn

from bsroformer.models.settings import ModelSettings


class SeparationModel(nn.Module, ABC):
    """Base of all architectures.

    What an architecture can do besides, it shows by the methods of `bsroformer.models.abilities`.

    Args:
        settings: The sizes, from which the model can be rebuilt.

    Attributes:
        settings: As given.
    """

    settings: ModelSettings

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""
        return self.settings.stems

    @property
    def sample_rate(self) -> int:
        """Sample rate of mixture and stems, Hz."""
        return self.settings.sample_rate

    @property
    def channels(self) -> int:
        """Channels of the mixture and of each stem."""
        return self.settings.channels

    @property
    def chunk_seconds(self) -> float:
        """Length of the excerpts that it was trained on."""
        return self.settings.chunk_seconds

    @abstractmethod
    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` at `sample_rate` into stems ``(b n c t)`` of the same length."""

    def check_mixture(self, mixture: Tensor) -> None:
        """Check the shape of an input.

        Raises:
            ValueError: If it is not ``(b c t)`` with the model's channels.
        """
        if mixture.ndim != 3 or mixture.shape[1] != self.channels:
            raise ValueError(f"the model takes (batch, {self.channels} channels, samples), got {tuple(mixture.shape)}")

    def absent_in_format(self, version: int) -> Collection[str]:
        """Names of the weights that checkpoints of an older format lack; they keep their initial values."""
        return ()
