"""A public checkpoint's weights, wherever they stand in the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bsroformer.checkpoints.weight_file import WeightFile, checked_weights
from bsroformer.errors import InputError

AVERAGES = ("ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "params_ema")
"""Entries under which trainers keep the average of the weights over training steps."""
CONTAINERS = ("state_dict", "model_state_dict", "state", "model", "net", "network", "params", "generator")
"""Entries under which trainers keep the weights."""
WRAPPERS = ("module.", "model.", "ema_model.", "net.")
"""What DataParallel, Lightning, averages and trainers put before every key."""
COMPILED = "_orig_mod."
"""What ``torch.compile`` puts before the keys of each module that it compiles."""
COUNTS = frozenset({"n_averaged", "num_updates", "initted", "step", "decay"})
"""Single numbers that averages keep beside their weights."""


def weights_in(file: WeightFile) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict of a file, wherever it is in it, without what wraps its keys; averaged weights are preferred.

    Returns:
        The weights, and notes on what was chosen.

    Raises:
        InputError: If there is none.
    """
    name, inner = _container(file.entries)
    counts = {key for key in inner if key in COUNTS and _is_single(inner[key])}
    weights = checked_weights({key: tensor for key, tensor in inner.items() if key not in counts}, file)
    weights = _uncompiled(weights, file.path)
    while wrapper := _wrapper(weights):
        weights = {key.removeprefix(wrapper): tensor for key, tensor in weights.items()}
    return weights, [f"{file.path}: the averaged weights are read, {name}"] if name in AVERAGES else []


def _container(entries: Mapping[str, Any]) -> tuple[str | None, Mapping[Any, Any]]:
    """The entry that holds weights, by its name; all entries, where none does."""
    names = (name for name in (*AVERAGES, *CONTAINERS) if _holds_tensors(entries.get(name)))
    name = next(names, None)
    return name, entries if name is None else entries[name]


def _holds_tensors(entry: Any) -> bool:
    return isinstance(entry, Mapping) and any(isinstance(value, Tensor) and value.ndim for value in entry.values())


def _is_single(value: Any) -> bool:
    return not isinstance(value, Tensor) or value.numel() == 1


def _uncompiled(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights by the keys that they have where nothing is compiled.

    Raises:
        InputError: If two have one key then.
    """
    renamed = {key.replace(COMPILED, ""): tensor for key, tensor in weights.items()}
    if len(renamed) < len(weights):
        raise InputError(
            f"{path} holds the same weights with and without {COMPILED!r} in their names: keep one of each"
        )
    return renamed


def _wrapper(weights: dict[str, Tensor]) -> str | None:
    """What stands before every key, if something does."""
    return next((each for each in WRAPPERS if weights and all(key.startswith(each) for key in weights)), None)
