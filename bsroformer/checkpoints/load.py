"""Find a checkpoint, detect its format, and load it."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bsroformer.checkpoints.adapter import AdapterCheckpoint
from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.hub import check_hash, download_if_present, is_on_hub, resolve_path, sibling
from bsroformer.checkpoints.native import is_native, read_native
from bsroformer.checkpoints.public import read_public
from bsroformer.checkpoints.public_adapter import holds_updates, read_public_adapter
from bsroformer.checkpoints.weight_file import WeightFile, open_weights
from bsroformer.errors import InputError
from bsroformer.models.public_yaml import YamlFile, read_yaml
from bsroformer.models.separation_model import SeparationModel

log = logging.getLogger(__name__)


def load_model(
    path: str | Path,
    config: str | Path | None = None,
    sha256: str | None = None,
    base: str | Path | None = None,
) -> SeparationModel:
    """Read a model: this project's, or a public BS-RoFormer or Mel-Band RoFormer.

    Facts that public weights do not hold (hop, sample rate, names of stems, ...) come from their YAML; without one
    they are assumed, and the assumptions are logged as a warning.

    Args:
        path: A ``.ckpt``, ``.pth``, ``.pt`` or ``.safetensors`` file, ``hf://owner/repository/file[@revision]``, or the
            folder of a training, of which the best weights are read.
        config: The YAML of a public checkpoint; by default the one of the same name beside it.
        sha256: Expected SHA-256 of the file.
        base: The model that an adapter belongs to, as `path`; by default the one that the adapter names, at its
            recorded path or beside the adapter.

    Returns:
        The model, in evaluation mode and float32, on the CPU.

    Raises:
        InputError: If a file is missing, cannot be read safely, or does not fit together.
    """
    checkpoint = open_checkpoint(path, config, sha256, base)
    for note in checkpoint.notes:
        log.warning(note)
    return checkpoint.model()


def open_checkpoint(
    path: str | Path,
    config: str | Path | None = None,
    sha256: str | None = None,
    base: str | Path | None = None,
) -> Checkpoint:
    """Parse a checkpoint without reading its tensors: see `load_model`."""
    local = resolve_path(path)
    if sha256 is not None:
        check_hash(local, sha256)
    file = open_weights(local)
    if is_native(file):
        if config is not None:
            raise InputError(f"{file.path} describes its own model; remove config={config}")
        return _with_base(read_native(file), base)
    if holds_updates(file):
        return _open_public_adapter(file, config, base)
    if base is not None:
        raise _no_adapter(file.path, base)
    if config is None:
        return read_public(file, _read_config_beside(path, file.path))
    return read_public(file, read_yaml(resolve_path(config)))


def _with_base(checkpoint: Checkpoint, base: str | Path | None) -> Checkpoint:
    """Set the base of an adapter, if it is given."""
    if base is None:
        return checkpoint
    if not isinstance(checkpoint, AdapterCheckpoint):
        raise _no_adapter(checkpoint.file.path, base)
    return replace(checkpoint, base_path=str(base))


def _no_adapter(path: Path, base: str | Path) -> InputError:
    return InputError(f"{path} is a whole model and no adapter; remove base={base}")


def _open_public_adapter(file: WeightFile, config: str | Path | None, base: str | Path | None) -> Checkpoint:
    """Parse low-rank updates of another program, with the model that they belong to."""
    yaml = read_yaml(resolve_path(config)) if config is not None else _read_config_beside(file.path, file.path)
    if base is None:
        raise InputError(
            f"{file.path} holds low-rank updates (LoRA) of another program, without the model that they belong to; "
            "give it as base=..."
        )
    shared = None if is_native(open_weights(resolve_path(base))) else config  # the trainer has one YAML for both
    return read_public_adapter(file, yaml, open_checkpoint(base, shared))


def _read_config_beside(reference: str | Path, path: Path) -> YamlFile | None:
    """Read the YAML named like the checkpoint, from its folder or repository."""
    found: Iterable[Path | None] = configs_beside(path)
    if is_on_hub(reference):
        found = (download_if_present(sibling(str(reference), file.name)) for file in configs_beside(path))
    for file in found:
        if file is not None and file.is_file():
            return read_yaml(file)
    return None


def configs_beside(path: Path) -> list[Path]:
    """List the paths at which a checkpoint's YAML may lie, in order of preference."""
    names = (f"{path.stem}.yaml", f"{path.stem}.yml", f"{path.name}.yaml", f"config_{path.stem}.yaml")
    return [path.parent / name for name in names]
