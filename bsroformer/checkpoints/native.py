"""This project's checkpoints: the model's settings beside its weights.

Those of a training run hold tensors and plain dicts, lists, strings and numbers only, so that reading runs no code::

    bsroformer: {format: 2, model: {...}}     what `ModelSettings.from_dict` takes
    state_dict: {model.<name>: tensor}        and whatever else the trainer keeps to resume

A ``.safetensors`` file has the first entry in its metadata, as JSON, and the weights' names as they are.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from bsroformer.checkpoints.checkpoint import AVERAGED, Checkpoint
from bsroformer.checkpoints.weight_file import WeightFile, checked_weights, open_weights
from bsroformer.errors import InputError
from bsroformer.models.blank import skeleton
from bsroformer.models.differences import compare_keys
from bsroformer.models.registry import checked_settings
from bsroformer.models.settings import ModelSettings
from bsroformer.models.tensor_slot import TensorSlot
from bsroformer.safe_files import check_plain

ENTRY = "bsroformer"
FORMAT = 2
"""2 keeps the rotary frequencies with the weights; 1 did not: see `SeparationModel.absent_in_format`."""
RAW = "current_model_state"
"""Lightning's name of the weights as the optimiser left them, where ``state_dict`` has their average."""
PREFIX = "model."
"""The model's name in the training module, before each of its weights' names."""


def describe(settings: ModelSettings) -> dict[str, Any]:
    """The entry that rebuilds a model, to be stored under `ENTRY`."""
    return {"format": FORMAT, "model": settings.model_dump(mode="json")}


def is_native(file: WeightFile) -> bool:
    """Whether a file is this project's."""
    return ENTRY in file.entries or ENTRY in file.metadata


def read_native(file: WeightFile) -> Checkpoint:
    """Understand a file of this project.

    Raises:
        InputError: If it does not hold what this project writes.
    """
    entry, weights = _entry_and_weights(file)
    if not isinstance(entry, dict) or not isinstance(entry.get("model"), dict):
        raise InputError(f"{file.path} is damaged: its entry '{ENTRY}' does not describe a model")
    form = entry.get("format")
    if type(form) is not int or not 0 < form < 2**32:
        raise InputError(f"{file.path} is damaged: the format of its entry '{ENTRY}' is no number of a format")
    if form > FORMAT:
        raise InputError(
            f"{file.path} has format {form}, and this version reads formats up to {FORMAT}: update bsroformer"
        )
    source = f"{file.path} ({ENTRY}.model)"
    check_plain(entry["model"], source)
    settings = checked_settings(entry["model"], source)
    weights = checked_weights(weights, file)
    model = skeleton(settings)
    absent = model.absent_in_format(form)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if name not in absent}
    differences = compare_keys(expected, {name: tuple(tensor.shape) for name, tensor in weights.items()})
    kept = "training checkpoint" if "optimizer_states" in file.entries else "weights"
    return Checkpoint(
        file=file,
        origin=f"this project's {kept}",
        settings=settings,
        weights=weights,
        slots=[TensorSlot(name, name) for name in expected],
        differences=differences,
    )


def _entry_and_weights(file: WeightFile) -> tuple[Any, dict[str, Any]]:
    """What describes the model, and its weights by the model's own names."""
    if ENTRY in file.metadata:
        return _from_json(file.metadata[ENTRY]), file.entries
    state = file.entries.get("state_dict")
    named = state.items() if isinstance(state, dict) else ()
    weights = {str(name).removeprefix(PREFIX): tensor for name, tensor in named if str(name).startswith(PREFIX)}
    return file.entries[ENTRY], weights


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def with_raw_weights(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint with the weights as the optimiser left them, in place of their average over steps (EMA).

    Raises:
        InputError: If it has one kind of weights only, or is not this project's.
    """
    file = checkpoint.file
    if not (is_native(file) and checkpoint.averaged and RAW in file.entries):
        raise InputError(
            f"{file.path} keeps no raw weights beside averaged ones: leave out weights=raw, or give best.ckpt or "
            "last.ckpt of a run with callbacks.ema"
        )
    entries = {name: value for name, value in file.entries.items() if name not in (RAW, AVERAGED)}
    return read_native(replace(file, entries=entries | {"state_dict": file.entries[RAW]}))


def read_training_checkpoint(path: str | Path) -> dict[str, Any]:
    """Everything that a training run keeps, to resume from it.

    Raises:
        InputError: If the file is something else.
    """
    file = open_weights(Path(path))
    if ENTRY not in file.entries or not file.entries.get("optimizer_states"):
        raise InputError(f"{path} holds no training to resume: start from its weights alone with init_from={path}")
    read_native(file).check()
    for tensors in (file.entries["state_dict"], file.entries.get(RAW, {}), _moments(file.entries["optimizer_states"])):
        if not isinstance(tensors, dict):
            raise InputError(f"{path} is damaged: it has a {type(tensors).__name__} in place of weights")
        checked_weights(tensors, file)
    return file.entries


def _moments(states: Any) -> dict[str, Tensor]:
    """The tensors among the states of optimisers, by their places; other values are whatever they are."""
    open_values, found, seen = [("optimizer_states", states)], dict[str, Tensor](), set[int]()
    while open_values:
        place, value = open_values.pop()
        if id(value) in seen:  # a list may be in many others, and in itself
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            found[place] = value
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        open_values += [
            (f"{place}[{key:.40}]" if isinstance(key, str) else f"{place}[{len(seen)}]", each) for key, each in items
        ]
    return found
