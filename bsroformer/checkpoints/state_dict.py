"""Extraction of the weights from the entries of a public checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bsroformer.checkpoints.weight_file import WeightFile, checked_weights
from bsroformer.errors import InputError

AVERAGES = ("ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "params_ema")
"""Entries under which trainers save the average of the weights over training steps."""
CONTAINERS = ("state_dict", "model_state_dict", "state", "model", "net", "network", "params", "generator")
"""Entries under which trainers save the weights."""
WRAPPERS = ("module.", "model.", "ema_model.", "net.")
"""Prefixes that DataParallel, Lightning, averages and trainers add to every key."""
COMPILED = "_orig_mod."
"""Prefix that ``torch.compile`` adds to the keys of a compiled module."""
COUNTS = frozenset({"n_averaged", "num_updates", "initted", "step", "decay"})
"""Single numbers that averages hold beside their weights."""


def extract_weights(file: WeightFile) -> tuple[dict[str, Tensor], list[str]]:
    """Find the state dict of a file, averaged if possible, without prefixes.

    Returns:
        The weights, and notes on the choice.

    Raises:
        InputError: If an entry among them is not a weight.
    """
    name, inner = _container(file.entries)
    counts = {key for key in inner if key in COUNTS and _is_single(inner[key])}
    tensors = {key: tensor for key, tensor in inner.items() if key not in counts}
    weights = _uncompiled(checked_weights(tensors, file), file.path)
    while wrapper := _wrapper(weights):
        weights = {key.removeprefix(wrapper): tensor for key, tensor in weights.items()}
    notes = []
    if name in AVERAGES:
        notes.append(f"{file.path}: using the averaged weights, {name}")
    return weights, notes


def _container(entries: Mapping[str, Any]) -> tuple[str | None, Mapping[Any, Any]]:
    """Return the entry that holds weights, with its name, or else all entries."""
    for name in (*AVERAGES, *CONTAINERS):
        if _holds_tensors(entries.get(name)):
            return name, entries[name]
    return None, entries


def _holds_tensors(entry: Any) -> bool:
    return isinstance(entry, Mapping) and any(isinstance(value, Tensor) and value.ndim for value in entry.values())


def _is_single(value: Any) -> bool:
    return not isinstance(value, Tensor) or value.numel() == 1


def _uncompiled(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Remove the prefix of compiled modules from keys.

    Raises:
        InputError: If two keys become equal.
    """
    renamed = {key.replace(COMPILED, ""): tensor for key, tensor in weights.items()}
    if len(renamed) < len(weights):
        raise InputError(
            f"{path} holds the same weights with and without {COMPILED!r} in their names; save it with one of each"
        )
    return renamed


def _wrapper(weights: dict[str, Tensor]) -> str | None:
    """Return the prefix of every key, if there is one."""
    for prefix in WRAPPERS:
        if weights and all(key.startswith(prefix) for key in weights):
            return prefix
    return None
