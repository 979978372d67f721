"""What an engine is."""

from typing import Protocol

import torch
from torch import Tensor

ENGINES = ("torch", "openvino", "auto")


class Engine(Protocol):
    """Computes windows of a mixture.

    Attributes:
        half: What matrices are multiplied in; None for float32.
    """

    half: torch.dtype | None

    @property
    def choice(self) -> str:
        """What ``engine=auto`` chose and why; empty before, and for other engines."""

    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` on the CPU into stems ``(b n c t)``, float32, on the device of the engine."""
