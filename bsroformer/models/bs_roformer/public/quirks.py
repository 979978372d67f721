"""What some public weights hold besides those of the model."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.errors import InputError

SHARED_BIASES = ("linear_62_bias_0", "linear_64_bias_0")
"""Of BS-Roformer-SW as first published, where they are all zero: they change nothing."""


def remove_shared_biases(weights: dict[str, Tensor]) -> list[str]:
    """Remove biases that are all zero, with a note; any other stays, and is refused as unknown."""
    zero = [key for key in SHARED_BIASES if key in weights and not weights[key].any()]
    for key in zero:
        del weights[key]
    return [f"{' and '.join(zero)}: all zero, so they change nothing"] if zero else []


def refuse_unequal_frequencies(weights: Mapping[str, Tensor], path: Path) -> None:
    """All layers of a direction share one set of rotary frequencies, though each has it under a key of its own."""
    first: dict[str, tuple[str, Tensor]] = {}
    for key, tensor in weights.items():
        if key.endswith(".rotary_embed.freqs"):
            direction = key.split(".")[2]  # layers.<block>.<direction>
            known, frequencies = first.setdefault(direction, (key, tensor))
            if not tensor.isfinite().all():
                raise InputError(f"{path} holds NaN or infinity in {key}: the file is damaged")
            if not torch.equal(tensor, frequencies):
                raise InputError(
                    f"{path} has other rotary frequencies in {key} than in {known}, which is not supported"
                )
