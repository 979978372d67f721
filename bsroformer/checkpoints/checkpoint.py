"""Any checkpoint, whoever wrote it: found, understood, and turned into a model."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.checkpoints.blank import blank_model, skeleton
from bsroformer.checkpoints.community.differences import Difference, compare_keys
from bsroformer.checkpoints.community.keys import Piece, pieces
from bsroformer.checkpoints.community.options import TITLES
from bsroformer.checkpoints.community.read import disagreement, read_public
from bsroformer.checkpoints.community.yaml_file import YamlFile, read_yaml
from bsroformer.checkpoints.hub import SCHEME, fetched_if_there, located, sibling
from bsroformer.checkpoints.native import is_native, read_native
from bsroformer.checkpoints.weight_file import WeightFile, forget, open_weights
from bsroformer.errors import InputError
from bsroformer.model import BandSplitRoformer, ModelSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose tensors are still in its file.

    Attributes:
        file: Where they are.
        config: The YAML that belongs to it, if there is one.
        origin: Whose it is, in words.
        settings: The model that it holds.
        weights: Its tensors, by its own keys.
        pieces: Where each belongs in the model.
        notes: What had to be assumed.
        fault: Why no model can be built of it, if so.
        differences: Where its parts disagree; empty unless there is a fault.
    """

    file: WeightFile
    config: YamlFile | None
    origin: str
    settings: ModelSettings
    weights: dict[str, Tensor]
    pieces: Sequence[Piece]
    notes: tuple[str, ...] = ()
    fault: InputError | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def native(self) -> bool:
        """Whether this project wrote it."""
        return is_native(self.file)

    @property
    def averaged(self) -> bool:
        """Whether its weights are averages over training steps (EMA), as Lightning's `WeightAveraging` keeps them."""
        return "averaging_state" in self.file.entries

    @torch.no_grad()
    def model(self) -> BandSplitRoformer:
        """The model, in evaluation mode and float32, on the CPU.

        Raises:
            InputError: If the checkpoint does not fit together.
        """
        if self.fault:
            raise self.fault
        model = blank_model(self.settings)
        own = model.state_dict()
        for piece in self.pieces:
            own[piece.ours][piece.index].copy_(self.weights[piece.theirs])
            forget(self.weights[piece.theirs])
        return model


def load_model(path: str | Path, config: str | Path | None = None, sha256: str | None = None) -> BandSplitRoformer:
    """Read a model: this project's, or a public BS-RoFormer or Mel-Band RoFormer.

    What public weights do not tell (hop, sample rate, names of stems, ...) comes from their YAML; without one it is
    assumed, and the assumptions are logged as a warning.

    Args:
        path: A ``.ckpt``, ``.pth``, ``.pt`` or ``.safetensors`` file, or ``hf://owner/repository/file[@revision]``.
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
    file = open_weights(located(path, sha256))
    if is_native(file):
        if config is not None:
            raise InputError(f"{file.path} describes its own model: leave out config={config}")
        return _native(file)
    return _public(file, read_yaml(located(config)) if config is not None else _found_beside(path, file.path))


def _native(file: WeightFile) -> Checkpoint:
    settings, weights = read_native(file)
    expected = {name: tuple(tensor.shape) for name, tensor in skeleton(settings).state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    differences = tuple(compare_keys(expected, found))
    origin = "this project's weights" if file.metadata else "this project's training checkpoint"
    fault = disagreement(differences, file.path, None) if differences else None
    return Checkpoint(
        file, None, origin, settings, weights, [Piece(name, name) for name in expected], (), fault, differences
    )


def _public(file: WeightFile, config: YamlFile | None) -> Checkpoint:
    public = read_public(file, config)
    fault = disagreement(public.differences, file.path, config) if public.differences else None
    return Checkpoint(
        file,
        config,
        f"public {TITLES[public.kind]} checkpoint",
        public.settings,
        public.weights,
        list(pieces(public.settings)),
        public.notes,
        fault,
        public.differences,
    )


def _found_beside(reference: str | Path, path: Path) -> YamlFile | None:
    """The YAML named as the checkpoint is, in its folder or, if that is on the Hub, in its repository."""
    names = (f"{path.stem}.yaml", f"{path.stem}.yml", f"{path.name}.yaml", f"config_{path.stem}.yaml")
    if str(reference).startswith(SCHEME):
        found = (fetched_if_there(sibling(str(reference), name)) for name in names)
    else:
        found = (path.parent / name for name in names)
    return next((read_yaml(file) for file in found if file and file.is_file()), None)
