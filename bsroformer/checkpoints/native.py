"""This project's checkpoints: the model's settings beside its weights.

Those of a training run hold tensors and plain dicts, lists, strings and numbers only, so that reading runs no code::

    bsroformer: {format: 2, model: {...}}     the argument of `ModelSettings.from_dict`; and ledger: see `Ledger`
    state_dict: {model.<name>: tensor}        and the entries that the trainer needs to resume

A ``.safetensors`` file has the first entry in its metadata, as JSON, and the weights' names as they are. Files of
adapters describe them there: see `bsroformer.checkpoints.adapter`.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from bsroformer.checkpoints.adapter import AdapterCheckpoint, adaptation_in, adapter_shapes
from bsroformer.checkpoints.checkpoint import AVERAGED, Checkpoint
from bsroformer.checkpoints.ledger import Ledger
from bsroformer.checkpoints.ledger_entry import LEDGER, read_ledger
from bsroformer.checkpoints.weight_file import WeightFile, checked_weights, open_weights
from bsroformer.errors import InputError
from bsroformer.models.adaptation import Adaptation, frozen_names
from bsroformer.models.differences import compare_keys
from bsroformer.models.empty_model import skeleton
from bsroformer.models.registry import checked_settings
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings
from bsroformer.models.tensor_slot import TensorSlot
from bsroformer.safe_files import check_plain

ENTRY = "bsroformer"
FORMAT = 2
"""Version 2 stores the rotary frequencies with the weights, unlike 1: see `SeparationModel.absent_in_format`."""
ADAPTER_FORMAT = 3
"""Version of files that hold the trained weights only, which earlier programs cannot read."""
ADAPTER = "adapter"
"""Key of the description of the trained weights."""
RAW = "current_model_state"
"""Lightning's entry of the optimiser's own weights, where ``state_dict`` holds their average."""
PREFIX = "model."
"""Prefix of the weights' names: the model's attribute in the training module."""


def describe(settings: ModelSettings, ledger: Ledger | None = None) -> dict[str, Any]:
    """Return the entry from which a model is rebuilt, to be stored under `ENTRY`."""
    entry = {"format": FORMAT, "model": settings.model_dump(mode="json")}
    return entry if ledger is None else {**entry, LEDGER: ledger.to_plain()}


def describe_model(model: SeparationModel, ledger: Ledger | None = None) -> dict[str, Any]:
    """Return the entry from which a model is rebuilt, adapted or not: see `describe`."""
    if model.adaptation is None:
        return describe(model.settings, ledger)
    return describe_adapter(model.settings, model.adaptation, ledger)


def describe_adapter(settings: ModelSettings, adaptation: Adaptation, ledger: Ledger | None = None) -> dict[str, Any]:
    """Return the entry of a file of the trained weights."""
    return {**describe(settings, ledger), "format": ADAPTER_FORMAT, ADAPTER: adaptation.model_dump(mode="json")}


def absent_names(model: SeparationModel, version: int) -> list[str]:
    """List the weights that a checkpoint of a format lacks, which keep the values they have in the model."""
    return [*model.absent_in_format(version), *frozen_names(model)]


def is_native(file: WeightFile) -> bool:
    """Check whether this project wrote a file."""
    return ENTRY in file.entries or ENTRY in file.metadata


def read_native(file: WeightFile) -> Checkpoint:
    """Parse a file that this project wrote.

    Raises:
        InputError: If its entries are not those that this project writes.
    """
    entry, tensors = _entry_and_weights(file)
    if not isinstance(entry, dict) or not isinstance(entry.get("model"), dict):
        raise InputError(
            f"{file.path} is damaged: its entry '{ENTRY}' does not describe a model; copy or download it again"
        )
    version = _format_version(entry, file)
    source = f"{file.path} ({ENTRY}.model)"
    check_plain(entry["model"], source)
    settings = checked_settings(entry["model"], source)
    weights = checked_weights(tensors, file)
    kind = "training checkpoint" if "optimizer_states" in file.entries else "weights"
    ledger, notes = read_ledger(entry.get(LEDGER), f"{file.path} ({ENTRY}.{LEDGER})")
    if ADAPTER in entry:
        adaptation = adaptation_in(entry[ADAPTER], f"{file.path} ({ENTRY}.{ADAPTER})")
        shapes = adapter_shapes(settings, adaptation, str(file.path))
        return AdapterCheckpoint(
            file=file,
            origin=f"this project's {kind} of an adapter",
            settings=settings,
            weights=weights,
            slots=[TensorSlot(name, name) for name in shapes],
            differences=compare_keys(shapes, {name: tuple(tensor.shape) for name, tensor in weights.items()}),
            adaptation=adaptation,
            notes=notes,
            ledger=ledger,
        )
    model = skeleton(settings)
    absent = model.absent_in_format(version)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if name not in absent}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    return Checkpoint(
        file=file,
        origin=f"this project's {kind}",
        settings=settings,
        weights=weights,
        slots=[TensorSlot(name, name) for name in expected],
        differences=compare_keys(expected, found),
        notes=notes,
        ledger=ledger,
    )


def _format_version(entry: dict[str, Any], file: WeightFile) -> int:
    version = entry.get("format")
    if type(version) is not int or not 0 < version < 2**32:
        raise InputError(
            f"{file.path} is damaged: {ENTRY}.format must be a positive whole number; copy or download it again"
        )
    latest = ADAPTER_FORMAT if ADAPTER in entry else FORMAT
    if version > latest:
        raise InputError(
            f"{file.path} has format {version}, and this version reads formats up to {latest}; update bsroformer"
        )
    return version


def _entry_and_weights(file: WeightFile) -> tuple[Any, dict[str, Any]]:
    """Return the description of the model, and its weights by the model's own names."""
    if ENTRY in file.metadata:
        return _from_json(file.metadata[ENTRY]), file.entries
    state = file.entries.get("state_dict")
    if not isinstance(state, dict):
        return file.entries[ENTRY], {}
    named = {str(name): tensor for name, tensor in state.items()}
    weights = {name.removeprefix(PREFIX): tensor for name, tensor in named.items() if name.startswith(PREFIX)}
    return file.entries[ENTRY], weights


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def with_raw_weights(checkpoint: Checkpoint) -> Checkpoint:
    """Replace averaged weights (EMA) by the optimiser's own, from the same file.

    Raises:
        InputError: If it has one kind of weights only, or another program wrote it.
    """
    file = checkpoint.file
    if not (is_native(file) and checkpoint.averaged and RAW in file.entries):
        raise InputError(
            f"{file.path} does not hold raw weights beside averaged ones; remove weights=raw, or give best.ckpt or "
            "last.ckpt of a run with callbacks.ema"
        )
    entries = {name: value for name, value in file.entries.items() if name not in (RAW, AVERAGED)}
    entries["state_dict"] = file.entries[RAW]
    raw = read_native(replace(file, entries=entries))
    if isinstance(raw, AdapterCheckpoint) and isinstance(checkpoint, AdapterCheckpoint):
        return replace(raw, base_path=checkpoint.base_path)
    return raw


def read_training_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read all entries of a training checkpoint, to resume from it.

    Raises:
        InputError: If the file is not a training checkpoint.
    """
    file = open_weights(Path(path))
    if ENTRY not in file.entries or not file.entries.get("optimizer_states"):
        raise InputError(f"{path} holds weights without a training to resume; set init_from={path} to start from them")
    read_native(file).check()
    moments = _moments(file.entries["optimizer_states"])
    for tensors in (file.entries["state_dict"], file.entries.get(RAW, {}), moments):
        if not isinstance(tensors, dict):
            kind = type(tensors).__name__
            raise InputError(f"{path} is damaged: it has a {kind} in place of weights; resume from another checkpoint")
        checked_weights(tensors, file)
    return file.entries


def _moments(states: Any) -> dict[str, Tensor]:
    """Collect the tensors among the states of optimisers, by their paths."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    pending = [("optimizer_states", states)]
    while pending:
        path, value = pending.pop()
        if id(value) in seen:  # a list may be in many others, and in itself
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            found[path] = value
        for key, item in _items(value):
            label = f"{key:.40}" if isinstance(key, str) else f"{len(seen)}"
            pending.append((f"{path}[{label}]", item))
    return found


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list):
        return enumerate(value)
    return ()
