"""Conversion to the type of matrix products under autocast."""

import torch
from torch import Tensor


def matmul_input(x: Tensor) -> Tensor:
    """Convert `x` to the type that autocast has for matrix products; without autocast, return it as it is.

    Autocast would convert the input of each product, and add their gradients in float32.
    """
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x
