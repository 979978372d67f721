"""The parts of a model and their sizes."""

from collections import Counter
from collections.abc import Container

from torch import nn


def parameters_by_part(model: nn.Module, names: Container[str] | None = None) -> dict[str, int]:
    """How many parameters each part of a model has.

    Args:
        model: The model.
        names: Which parameters count; all unless given.
    """
    parts: Counter[str] = Counter()
    for name, weight in model.named_parameters():
        if names is None or name in names:
            parts[name.partition(".")[0].replace("_", " ")] += weight.numel()
    return dict(parts)
