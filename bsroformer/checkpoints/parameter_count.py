"""Parameter counts of a model's parts."""

from collections import Counter
from collections.abc import Container

from torch import nn


def parameters_by_part(model: nn.Module, names: Container[str] | None = None) -> dict[str, int]:
    """Count the parameters of each part of a model.

    Args:
        model: The model.
        names: Names of the parameters to count; all by default.
    """
    parts: Counter[str] = Counter()
    for name, weight in model.named_parameters():
        if names is None or name in names:
            parts[name.partition(".")[0].replace("_", " ")] += weight.numel()
    return dict(parts)
