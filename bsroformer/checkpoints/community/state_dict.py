"""A public checkpoint's weights, wherever they stand in the file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.checkpoints.weight_file import WeightFile, checked_weights
from bsroformer.errors import InputError

CONTAINERS = ("state_dict", "model_state_dict", "state", "model")
"""Entries under which trainers keep the weights."""
WRAPPERS = ("module.", "model.", "_orig_mod.")
"""What DataParallel, Lightning and ``torch.compile`` put before every key."""
SHARED_BIASES = ("linear_62_bias_0", "linear_64_bias_0")
"""Of BS-Roformer-SW as first published, where they are all zero: they change nothing."""


def weights_in(file: WeightFile) -> dict[str, Tensor]:
    """The state dict of a file, wherever it stands in it, less what wraps its keys.

    Raises:
        InputError: If there is none.
    """
    entries = file.entries
    inner = (entries[name] for name in CONTAINERS if isinstance(entries.get(name), Mapping))
    weights = checked_weights(next(inner, entries), file)
    while wrapper := _wrapper(weights):
        weights = {key.removeprefix(wrapper): tensor for key, tensor in weights.items()}
    return weights


def _wrapper(weights: dict[str, Tensor]) -> str | None:
    """What stands before every key, if something does."""
    return next((each for each in WRAPPERS if weights and all(key.startswith(each) for key in weights)), None)


def without_shared_biases(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Leave out biases that are all zero; any other stays, and is refused as unknown."""
    zero = [key for key in SHARED_BIASES if key in weights and not weights[key].any()]
    kept = {key: tensor for key, tensor in weights.items() if key not in zero}
    return kept, [f"{' and '.join(zero)}: all zero, so they change nothing"] if zero else []


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
