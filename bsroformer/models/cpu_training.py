"""Check for training on a CPU."""

import torch
from torch import Tensor


def trains_on_cpu(x: Tensor) -> bool:
    """Check whether a CPU may compute a gradient of `x`.

    Some operators are slow or missing there, and models have others for this case.
    """
    return x.device.type == "cpu" and torch.is_grad_enabled()
