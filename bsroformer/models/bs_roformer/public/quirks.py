"""Peculiarities of some public checkpoints."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.errors import InputError

SHARED_BIASES = ("linear_62_bias_0", "linear_64_bias_0")
"""Keys of the first release of BS-Roformer-SW, all zero and without effect."""


def remove_shared_biases(weights: dict[str, Tensor]) -> list[str]:
    """Remove shared biases that are all zero; others are rejected later."""
    zero = [key for key in SHARED_BIASES if key in weights and not weights[key].any()]
    for key in zero:
        del weights[key]
    if not zero:
        return []
    return [f"{' and '.join(zero)}: ignored, because they are all zero and have no effect"]


def refuse_unequal_frequencies(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse rotary frequencies that differ between the layers of a direction.

    The model shares them, while public checkpoints repeat them under a key of each layer.
    """
    first: dict[str, tuple[str, Tensor]] = {}
    for key, tensor in weights.items():
        if not key.endswith(".rotary_embed.freqs"):
            continue
        direction = key.split(".")[2]  # layers.<block>.<direction>
        known, frequencies = first.setdefault(direction, (key, tensor))
        if not tensor.isfinite().all():
            raise InputError(f"{path} is damaged: {key} holds NaN or infinity; download or copy it again")
        if not torch.equal(tensor, frequencies):
            raise InputError(
                f"{path} has other rotary frequencies in {key} than in {known}, which is not supported; use another "
                "checkpoint"
            )
