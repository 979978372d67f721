"""Interface of engines."""

from typing import Protocol

import torch
from torch import Tensor

ENGINES = ("torch", "openvino", "auto")


class Engine(Protocol):
    """Separator of windows of a mixture.

    Attributes:
        half: Type of matrix products; None for float32.
    """

    half: torch.dtype | None

    @property
    def choice(self) -> str:
        """Choice of ``engine=auto`` with its reason; empty for other engines."""

    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` on the CPU into stems ``(b n c t)``.

        The stems are float32 and on the device of the engine.
        """
