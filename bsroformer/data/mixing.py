"""Mixing of stems."""

from torch import Tensor


def mix(stems: Tensor) -> Tensor:
    """Sum stems ``(... n c t)`` to the mixture ``(... c t)``.

    Every training mixture is made by this function.
    """
    return stems.sum(dim=-3)
