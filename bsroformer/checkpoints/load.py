"""Find a checkpoint, tell whose it is, and load it."""

import logging
from collections.abc import Iterable
from pathlib import Path

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.hub import check_hash, fetched_if_there, is_on_hub, located, sibling
from bsroformer.checkpoints.native import is_native, read_native
from bsroformer.checkpoints.public import read_public
from bsroformer.checkpoints.weight_file import open_weights
from bsroformer.errors import InputError
from bsroformer.models.public_yaml import YamlFile, read_yaml
from bsroformer.models.separation_model import SeparationModel

log = logging.getLogger(__name__)


def load_model(path: str | Path, config: str | Path | None = None, sha256: str | None = None) -> SeparationModel:
    """Read a model: this project's, or a public BS-RoFormer or Mel-Band RoFormer.

    What public weights do not tell (hop, sample rate, names of stems, ...) comes from their YAML; without one it is
    assumed, and the assumptions are logged as a warning.

    Args:
        path: A ``.ckpt``, ``.pth``, ``.pt`` or ``.safetensors`` file, ``hf://owner/repository/file[@revision]``, or the
            folder of a training, of which the best weights are read.
        config: The YAML of a public checkpoint; unless given, one of the same name beside it.
        sha256: What the file's SHA-256 must be.

    Returns:
        The model, in evaluation mode and float32, on the CPU.

    Raises:
        InputError: If a file is missing, cannot be read safely, or does not fit together.
    """
    checkpoint = open_checkpoint(path, config, sha256)
    for note in checkpoint.notes:
        log.warning(note)
    return checkpoint.model()


def open_checkpoint(path: str | Path, config: str | Path | None = None, sha256: str | None = None) -> Checkpoint:
    """Understand a checkpoint without reading its tensors: see `load_model`."""
    local = located(path)
    if sha256 is not None:
        check_hash(local, sha256)
    file = open_weights(local)
    if is_native(file):
        if config is not None:
            raise InputError(f"{file.path} describes its own model: leave out config={config}")
        return read_native(file)
    return read_public(file, read_yaml(located(config)) if config is not None else _found_beside(path, file.path))


def _found_beside(reference: str | Path, path: Path) -> YamlFile | None:
    """The YAML named as the checkpoint is, in its folder or, if that is on the Hub, in its repository."""
    found: Iterable[Path | None] = configs_beside(path)
    if is_on_hub(reference):
        found = (fetched_if_there(sibling(str(reference), file.name)) for file in configs_beside(path))
    return next((read_yaml(file) for file in found if file and file.is_file()), None)


def configs_beside(path: Path) -> list[Path]:
    """Names that the YAML of a checkpoint may have beside it, the first that exists counts."""
    names = (f"{path.stem}.yaml", f"{path.stem}.yml", f"{path.name}.yaml", f"config_{path.stem}.yaml")
    return [path.parent / name for name in names]
