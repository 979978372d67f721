"""Write models: self-describing, as weights alone, or in the public layout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from bsroformer.atomic import replacing, write_text, writing
from bsroformer.checkpoints.adapter import AdapterCheckpoint
from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.ledger import Ledger
from bsroformer.checkpoints.ledger_entry import PUBLIC_LEDGER, public_metadata, yaml_section
from bsroformer.checkpoints.native import ENTRY, PREFIX, describe_adapter, describe_model, is_native
from bsroformer.errors import InputError
from bsroformer.models.adaptation import saved_weights
from bsroformer.models.registry import architecture_of
from bsroformer.models.separation_model import SeparationModel

SAFETENSORS = ".safetensors"
SOURCE = "source"
"""Metadata key of the description of a model's origin."""
TORCH = (".ckpt", ".pth", ".pt")


def save_model(model: SeparationModel, path: Path, source: str = "", ledger: Ledger | None = None) -> None:
    """Write a model to one self-describing ``.safetensors`` file for `load_model`.

    Args:
        model: The model.
        path: The file.
        source: Description of the model's origin, stored in the file.
        ledger: Its training data and their licences, stored in the file.

    Raises:
        InputError: If the file cannot be written or has another suffix.
    """
    if path.suffix != SAFETENSORS:
        raise InputError(f"{path} must end in {SAFETENSORS}")
    weights = {name: weight.contiguous() for name, weight in saved_weights(model).items()}
    entry = json.dumps(describe_model(model, ledger))
    _save_safetensors(weights, path, {ENTRY: entry, SOURCE: source})


def save_weights(
    model: SeparationModel, path: Path, facts: Mapping[str, Any] | None = None, ledger: Ledger | None = None
) -> None:
    """Write a model as this project's checkpoint of weights alone.

    Args:
        model: The model, on any device.
        path: The file.
        facts: Plain values to store beside the weights.
        ledger: Its training data and their licences.

    Raises:
        InputError: If the file cannot be written or has another suffix.
    """
    weights = {f"{PREFIX}{name}": tensor.cpu() for name, tensor in saved_weights(model).items()}
    entry = describe_model(model, ledger)
    _save_torch({ENTRY: entry, "state_dict": weights} | dict(facts or {}), path)


def save_weights_alone(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint's weights and settings without the trainer's state.

    Where a trainer averaged the weights (EMA), the average is written. Of an adapter, its base is not.

    Raises:
        InputError: If the checkpoint is incomplete, or the file cannot be written or has another suffix.
    """
    checkpoint.check()
    if isinstance(checkpoint, AdapterCheckpoint):
        save_adapter(checkpoint, path)
    elif is_native(checkpoint.file):
        save_weights(checkpoint.model(), path, ledger=checkpoint.ledger)
    else:
        _save_public_weights(checkpoint, path)


def _save_public_weights(checkpoint: Checkpoint, path: Path) -> None:
    """Write public weights and a copy of their YAML; the ledger is in one of them."""
    ledger = checkpoint.ledger
    if checkpoint.config is None:
        entries = {"state_dict": checkpoint.weights, PUBLIC_LEDGER: ledger.to_plain()} if ledger else checkpoint.weights
        _save_torch(entries, path)
        return
    _save_torch(checkpoint.weights, path)
    text = checkpoint.config.path.read_text("utf-8")
    added = "" if PUBLIC_LEDGER in checkpoint.config.tree else yaml_section(ledger)
    separator = "\n" if added and not text.endswith("\n") else ""
    write_text(path.with_suffix(".yaml"), f"{text}{separator}{added}")


def save_adapter(checkpoint: AdapterCheckpoint, path: Path) -> None:
    """Write the weights of an adapter, without its base and a trainer's state.

    Raises:
        InputError: If the file cannot be written or has another suffix.
    """
    checkpoint.check()
    entry = describe_adapter(checkpoint.settings, checkpoint.adaptation, checkpoint.ledger)
    if path.suffix == SAFETENSORS:
        weights = {name: weight.contiguous() for name, weight in checkpoint.weights.items()}
        _save_safetensors(weights, path, {ENTRY: json.dumps(entry)})
    else:
        named = {f"{PREFIX}{name}": weight.clone() for name, weight in checkpoint.weights.items()}
        _save_torch({ENTRY: entry, "state_dict": named}, path)


def save_public(model: SeparationModel, path: Path, ledger: Ledger | None = None) -> Path:
    """Write a model for the public code of its architecture: weights and YAML.

    Args:
        model: The model.
        path: The file of the weights.
        ledger: Its training data and their licences, stored in the YAML and in the metadata of ``.safetensors``.

    Returns:
        The path of the YAML.

    Raises:
        InputError: If the public code has no such model, or a file cannot be written or has another suffix.
    """
    layout = architecture_of(model.settings).public_layout
    if layout is None:
        raise InputError(
            f"{path}: architecture {model.settings.architecture} has no public layout to export to; use action=convert "
            "or action=strip to write this program's files"
        )
    weights, text = layout.write(model)
    if path.suffix == SAFETENSORS:
        _save_safetensors(weights, path, public_metadata(ledger))
    else:
        _save_torch(weights, path)
    write_text(path.with_suffix(".yaml"), f"{text}{yaml_section(ledger)}")
    return path.with_suffix(".yaml")


def _save_safetensors(weights: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    with replacing(path) as partial, writing(path, SafetensorError):
        usual = partial.stat().st_mode
        safetensors.torch.save_file(weights, partial, {"format": "pt"} | (metadata or {}))
        partial.chmod(usual)  # the library sets mode 600


def _save_torch(entries: dict[str, Any], path: Path) -> None:
    if path.suffix not in TORCH:
        raise InputError(f"{path} must end in one of {', '.join(TORCH)}")
    with replacing(path) as partial, writing(path, RuntimeError):  # raised by PyTorch when a disk is full
        torch.save(entries, partial)
