"""FLOPs of a model's matrix products, and how many a machine computes per second."""

from functools import partial

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import seconds
from bsroformer.models import SeparationModel

SMALLEST_MATMUL, MATMUL_SIZE = 128, 2048
"""Rows and columns of the matrices whose product measures the peak of the machine."""
LONG_ENOUGH = 0.1
"""Shortest time of such a product in seconds, unless it has the most rows."""


@torch.no_grad()
def matmul_flops(model: SeparationModel, frames: int) -> int:
    """Count the FLOPs of the matrix products in a window's forward pass."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:  # fused attention is not counted
        model(torch.zeros(1, model.channels, frames))
    return counted.get_total_flops()


def matmul_peak(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> float:
    """Measure the FLOPs per second of a large matrix product.

    A large product takes `LONG_ENOUGH`: a processor without instructions for a type is a thousand times as slow in it.
    """
    size, fastest = SMALLEST_MATMUL, 0.0
    while True:
        factor = torch.randn(size, size, device=device).to(dtype)
        fastest = min(seconds(partial(torch.matmul, factor, factor), device) for _ in range(1 + repeats))
        if fastest >= LONG_ENOUGH or size >= MATMUL_SIZE:
            return 2 * size**3 / fastest
        size *= 2
