"""Common interface of all architectures: waveform in, stems out."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING

from torch import Tensor, nn

from bsroformer.models.settings import ModelSettings

if TYPE_CHECKING:
    from bsroformer.models.adaptation import Adaptation


class SeparationModel(nn.Module, ABC):
    """Base of all architectures.

    Optional abilities are the protocols of `bsroformer.models.abilities`.

    Args:
        settings: The sizes that rebuild the model.

    Attributes:
        settings: As given.
        adaptation: Which weights are trained, if others are frozen: see `bsroformer.models.adaptation`.
    """

    settings: ModelSettings
    adaptation: "Adaptation | None" = None

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
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
        """Length of the training excerpts."""
        return self.settings.chunk_seconds

    @abstractmethod
    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` into stems ``(b n c t)`` of the same length."""

    def check_mixture(self, mixture: Tensor) -> None:
        """Check the shape of an input.

        Raises:
            ValueError: If it is not ``(b c t)`` with the model's channels.
        """
        if mixture.ndim != 3 or mixture.shape[1] != self.channels:
            raise ValueError(f"the model takes (batch, {self.channels} channels, samples), got {tuple(mixture.shape)}")

    def absent_in_format(self, version: int) -> Collection[str]:
        """List the weights that checkpoints of an older format lack.

        They keep their initial values.
        """
        return ()
