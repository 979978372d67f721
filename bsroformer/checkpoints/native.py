"""This project's checkpoints: those of a training run, with the model's settings beside the weights.

Such a file holds tensors and plain dicts, lists, strings and numbers only, so that reading it runs no code::

    bsroformer: {format: 1, model: {...}}     what `ModelSettings.from_dict` takes
    state_dict: {model.<name>: tensor}        and whatever else the trainer keeps to resume
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.model import BandSplitRoformer, ModelSettings

ENTRY = "bsroformer"
FORMAT = 1
PREFIX = "model."
"""The model's name in the training module, before each of its weights' names."""


def describe(model: BandSplitRoformer) -> dict[str, Any]:
    """The entry that rebuilds a model, to be stored under `ENTRY`."""
    return {"format": FORMAT, "model": model.settings.model_dump(mode="json")}


def load_model(path: str | Path) -> BandSplitRoformer:
    """Read a model from a checkpoint, in evaluation mode and float32, on the CPU.

    Raises:
        InputError: If the file is missing, is no checkpoint of this project, or does not fit together.
    """
    checkpoint = read_checkpoint(Path(path))
    settings = ModelSettings.from_dict(checkpoint[ENTRY]["model"], f"{path} ({ENTRY}.model)")
    model = BandSplitRoformer(settings)
    load_weights(model, checkpoint, path)
    return model.eval()


def load_weights(model: BandSplitRoformer, checkpoint: dict[str, Any], path: str | Path) -> None:
    """Copy a checkpoint's weights into a model; every key and shape must agree.

    Raises:
        InputError: Naming what is missing, unknown or of another shape.
    """
    weights: dict[str, Tensor] = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in checkpoint["state_dict"].items()
        if name.startswith(PREFIX)
    }
    expected = model.state_dict()
    problems = [f"{name} is missing" for name in expected.keys() - weights.keys()]
    problems += [f"{name} is unknown" for name in weights.keys() - expected.keys()]
    problems += [
        f"{name} has shape {tuple(weights[name].shape)}, expected {tuple(expected[name].shape)}"
        for name in expected.keys() & weights.keys()
        if weights[name].shape != expected[name].shape
    ]
    if problems:
        listed = "; ".join(sorted(problems)[:5]) + ("; ..." if len(problems) > 5 else "")
        raise InputError(f"{path} does not fit the model: {listed}")
    model.load_state_dict(weights)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of this project without running code from it.

    Raises:
        InputError: If it is missing or something else.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}: give the path of a .ckpt file, such as <run>/checkpoints/best.ckpt")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # damaged bytes raise errors of many types in the reader
        raise InputError(
            f"{path} is not a checkpoint that can be read safely: it is damaged or was not written by this project"
        ) from error
    if not isinstance(checkpoint, dict) or ENTRY not in checkpoint:
        raise InputError(f"{path} holds no model of this project: it has no entry '{ENTRY}'")
    _check_entries(checkpoint, path)
    return checkpoint


def _check_entries(checkpoint: dict[str, Any], path: Path) -> None:
    """Check the form of what a checkpoint says about its model.

    Raises:
        InputError: If it is of a newer format, or its entries are not what `describe` and a trainer write.
    """
    entry, weights = checkpoint[ENTRY], checkpoint.get("state_dict")
    if isinstance(entry, dict) and entry.get("format") != FORMAT:
        raise InputError(
            f"{path} has format {entry.get('format')}, and this version reads format {FORMAT}: update bsroformer"
        )
    well_formed = (
        isinstance(entry, dict)
        and isinstance(entry.get("model"), dict)
        and isinstance(weights, dict)
        and all(isinstance(tensor, Tensor) for tensor in weights.values())
    )
    if not well_formed:
        raise InputError(f"{path} is damaged: its entries '{ENTRY}' and 'state_dict' do not hold a model")
