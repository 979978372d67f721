"""Checkpoints of other programs, in the public layouts that architectures declare."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.ledger_entry import read_public_ledger
from bsroformer.checkpoints.weight_file import WeightFile, checked_weights
from bsroformer.errors import InputError
from bsroformer.models.public_layout import PublicLayout
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.registry import architectures

UNKNOWN_ARCHITECTURES = {
    r"^(tencoder|crosstransformer)\.": "HTDemucs",
    r"^(first_conv|encoder_blocks|bottleneck_block)\.": "MDX23C",
    r"^separation_net\.": "SCNet",
    r"^band_split\.norm_fc_modules\.": "BandIt",
    r"^lstm\.weight_ih_l0": "Open-Unmix",
}
"""Unsupported architectures, by a regular expression that some of their keys match."""
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


def read_public(file: WeightFile, config: YamlFile | None) -> Checkpoint:
    """Parse public weights.

    Args:
        file: The file of the weights.
        config: Their YAML; without it the facts that weights do not hold are assumed.

    Raises:
        InputError: If their architecture is unknown, or no model fits weights and YAML.
    """
    ledger, ledger_notes = read_public_ledger(file, config)
    weights, chosen = extract_weights(file)
    model = _layout_of(weights, file.path).read(weights, config, file.path)
    return Checkpoint(
        file=file,
        origin=f"public {model.title} checkpoint",
        settings=model.settings,
        weights=weights,
        slots=model.slots,
        differences=model.differences,
        config=config,
        notes=(*chosen, *model.notes, *ledger_notes),
        ledger=ledger,
    )


def _layout_of(keys: Collection[str], path: Path) -> PublicLayout:
    if not keys:
        raise InputError(f"{path} holds no weights; give a checkpoint of a trained model")
    layouts = [each.public_layout for each in architectures() if each.public_layout is not None]
    for layout in layouts:
        if layout.recognizes(keys):
            return layout
    titles = [title for layout in layouts for title in layout.titles]
    raise InputError(
        f"{path} holds no {' or '.join(titles)}: {_description(list(keys))}; only these public models are supported"
    )


def _description(keys: list[str]) -> str:
    for pattern, name in UNKNOWN_ARCHITECTURES.items():
        if any(re.search(pattern, key) for key in keys):
            return f"it looks like {name}"
    return f"its first keys are {', '.join(keys[:3])}"


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
