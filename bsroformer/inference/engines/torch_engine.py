"""PyTorch engine, for all of its devices."""

import torch
from torch import Tensor

from bsroformer.models import SeparationModel
from bsroformer.models.abilities import compile_blocks


class TorchEngine:
    """Engine that computes windows with PyTorch.

    Args:
        model: The model; it is moved to the device and set to evaluation mode.
        device: The device.
        bf16: Multiply matrices in bfloat16.
        compile: Compile the transformer blocks in place: half a minute at the first window of each length, then
            faster.
        fp16: Multiply matrices in float16.
    """

    def __init__(
        self, model: SeparationModel, device: torch.device, bf16: bool, compile: bool = False, fp16: bool = False
    ) -> None:
        self.device = device
        self.choice = ""
        self.half: torch.dtype | None = None
        if bf16:
            self.half = torch.bfloat16
        elif fp16:
            self.half = torch.float16
        self.model = model.to(device).eval()
        if compile:
            compile_blocks(model)

    @torch.inference_mode()
    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` into stems ``(b n c t)``."""
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            return self.model(windows.to(self.device)).float()
