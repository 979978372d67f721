"""What is done to gradients before a step."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def clip(parameters: Iterable[nn.Parameter], norm: Tensor, limit: float | None, algorithm: str | None = None) -> None:
    """Clip gradients in place.

    Args:
        parameters: Those that have gradients.
        norm: Their total norm.
        limit: The greatest norm or, with the algorithm ``value``, the greatest absolute value of an element; None or 0
            leaves them as they are.
        algorithm: ``norm``, which is the usual one, or ``value``.
    """
    if not limit:
        return
    if algorithm == "value":
        torch.nn.utils.clip_grad_value_(parameters, limit)
    else:
        torch.nn.utils.clip_grads_with_norm_(parameters, limit, norm)
