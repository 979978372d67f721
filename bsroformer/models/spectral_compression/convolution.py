"""Convolution of neighbouring frames and bins."""

from einops import rearrange
from torch import Tensor, nn


class LocalLinear(nn.Conv2d):
    """Linear layer that also sees the neighbours in time and frequency: a 3 x 3 convolution.

    Args:
        dim_in: Features in.
        dim_out: Features out.
    """

    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__(dim_in, dim_out, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(b m f d)`` to ``(b m f e)``; the convolution reads both as channels-last."""
        return rearrange(super().forward(rearrange(x, "b m f d -> b d m f")), "b e m f -> b m f e")
