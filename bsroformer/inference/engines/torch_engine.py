"""PyTorch, on any of its devices."""

import torch
from torch import Tensor

from bsroformer.models import SeparationModel
from bsroformer.models.abilities import compile_blocks


class TorchEngine:
    """Computes windows with PyTorch.

    Args:
        model: The model; it is moved to the device and set to evaluation mode.
        device: Where to compute.
        bf16: Whether matrices are multiplied in bfloat16.
        fp16: Whether they are in float16.
        compile: Whether the transformer blocks are compiled (in place): half a minute at the first window of each
            length, for faster ones after it.
    """

    def __init__(
        self, model: SeparationModel, device: torch.device, bf16: bool, compile: bool = False, fp16: bool = False
    ) -> None:
        self.device = device
        self.choice = ""
        self.half = torch.bfloat16 if bf16 else torch.float16 if fp16 else None
        self.model = model.to(device).eval()
        if compile:
            compile_blocks(model)

    @torch.inference_mode()
    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` into stems ``(b n c t)``."""
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            return self.model(windows.to(self.device)).float()
