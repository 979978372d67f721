"""Put stems together."""

from torch import Tensor


def mix(stems: Tensor) -> Tensor:
    """Sum stems ``(... n c t)`` to the mixture ``(... c t)``: the only place where a training mixture is made."""
    return stems.sum(dim=-3)
