"""Low-rank updates (LoRA) of other programs, for models in a public layout.

Two forms are read. The package loralib, which Music-Source-Separation-Training uses, saves ``<layer>.lora_A`` ``(r d)``
and ``<layer>.lora_B`` ``(e r)``, and the factor ``lora_alpha`` is in the section ``lora`` of the training's YAML. The
package peft saves ``base_model.model.<layer>.lora_A.weight`` and ``lora_B.weight``, and the factor is in
``adapter_config.json``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.ledger import base_of, make_ledger
from bsroformer.checkpoints.public import extract_weights
from bsroformer.checkpoints.weight_file import WeightFile
from bsroformer.errors import InputError
from bsroformer.models.empty_model import skeleton
from bsroformer.models.problems import shortened
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.registry import architecture_of
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.tensor_slot import TensorSlot
from bsroformer.safe_files import CONFIGURATION, read_json

MATRIX = re.compile(r"(?:base_model\.model\.)?(?P<layer>.+)\.(?P<matrix>lora_[AB])(?:\.default)?(?P<peft>\.weight)?")
MATRICES = ("lora_A", "lora_B")
PEFT_CONFIG = "adapter_config.json"
UNSUPPORTED_OPTIONS = ("use_rslora", "use_dora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "modules_to_save")
"""Options of either program that change what an update computes."""


@dataclass(frozen=True)
class Update:
    """A low-rank update of a layer.

    Attributes:
        first: Its first matrix, ``(r d)``.
        second: Its second matrix, ``(e r)``.
    """

    first: Tensor
    second: Tensor


@dataclass(frozen=True)
class PublicAdapter(Checkpoint):
    """Low-rank updates of a public model, which are merged into those of its base.

    Attributes:
        base: The base's checkpoint.
        updates: The update of each layer, by its public name.
        alpha: The factor of the updates, times their rank.
    """

    base: Checkpoint | None = None
    updates: Mapping[str, Update] | None = None
    alpha: float = 1.0

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files that were read."""
        assert self.base is not None
        return (*super().files, *self.base.files)

    @torch.no_grad()
    def model(self) -> SeparationModel:
        """Build the model with merged weights, in evaluation mode and float32, on the CPU.

        Raises:
            InputError: If a weight of the base or an update is not a number.
        """
        assert self.base is not None and self.updates is not None
        model = self.base.model()
        own = model.state_dict()
        for slot in slots_of(self.base):
            update = self.updates.get(slot.theirs.removesuffix(".weight"))
            if update is not None and slot.theirs.endswith(".weight"):
                scale = self.alpha / len(update.first)
                own[slot.ours][slot.index] += scale * (update.second.float() @ update.first.float())
        self._check_finite(own)
        return model


def slots_of(base: Checkpoint) -> Sequence[TensorSlot]:
    """Return the public slots of a base.

    Raises:
        InputError: If its architecture has no public layout.
    """
    layout = architecture_of(base.settings).public_layout
    if layout is None:
        raise InputError(
            f"{base.file.path}: architecture {base.settings.architecture} has no public layout, and low-rank updates "
            "of other programs cannot be added to it; give another base=..."
        )
    return layout.slots(base.settings)


def holds_updates(file: WeightFile) -> bool:
    """Check whether a file of another program holds low-rank updates and no other weights."""
    names: list[str] = []
    pending: list[Mapping[Any, Any]] = [file.entries]
    pending += [entry for entry in file.entries.values() if isinstance(entry, Mapping)]
    for entries in pending:
        names += [name for name, value in entries.items() if isinstance(name, str) and _is_matrix(value)]
    return bool(names) and all(MATRIX.fullmatch(name) for name in names)


def _is_matrix(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim > 1


def read_public_adapter(file: WeightFile, config: YamlFile | None, base: Checkpoint) -> PublicAdapter:
    """Parse low-rank updates of another program.

    Args:
        file: The file of the updates.
        config: The YAML of their training.
        base: The model that they belong to.

    Raises:
        InputError: If they do not fit the base, or their factor is unknown.
    """
    tensors, notes = extract_weights(file)
    updates = _updates(tensors, file)
    alpha, rank = _alpha(file, config, tensors)
    _check_updates(updates, rank, base, file)
    note = (
        f"{file.path} does not identify the model that it belongs to; its {len(updates)} updates fit the layers of "
        f"{base.file.path}"
    )
    return PublicAdapter(
        file=file,
        origin="public low-rank updates (LoRA)",
        settings=base.settings,
        weights=tensors,
        slots=(),
        config=config,
        notes=(*notes, *base.notes, note),
        base=base,
        updates=updates,
        alpha=alpha,
        ledger=make_ledger((), [base_of(base.file.path.name, None, base.ledger), base_of(file.path.name)]),
    )


def _updates(tensors: Mapping[str, Tensor], file: WeightFile) -> dict[str, Update]:
    pairs: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        found = MATRIX.fullmatch(name)
        if found is None or tensor.ndim != 2:
            raise InputError(
                f"{file.path} has {shortened(name)} of shape {tuple(tensor.shape)}, which is no matrix of a low-rank "
                "update; merge it with the program that wrote it"
            )
        pairs[found["layer"]][found["matrix"]] = tensor
    for layer, pair in pairs.items():
        if pair.keys() != {*MATRICES}:
            raise InputError(f"{file.path} has only one matrix of the update of {shortened(layer)}; get it again")
    return {layer: Update(*(pair[name] for name in MATRICES)) for layer, pair in pairs.items()}


def _alpha(file: WeightFile, config: YamlFile | None, names: Mapping[str, Tensor]) -> tuple[float, int | None]:
    """Return the factor and the rank of the configuration."""
    beside = file.path.parent / PEFT_CONFIG
    is_peft = any(name.endswith(".weight") for name in names)
    if config is not None and config.section("lora"):
        options = config.section("lora")
        place = str(config.path)
    elif is_peft and beside.is_file():
        found = read_json(beside, CONFIGURATION)
        options = found if isinstance(found, dict) else {}
        place = str(beside)
    else:
        where = f"beside it as {PEFT_CONFIG}" if is_peft else "as config=..."
        raise InputError(
            f"{file.path} does not hold the factor of its updates (lora_alpha); give the configuration of its "
            f"training {where}"
        )
    for option in UNSUPPORTED_OPTIONS:
        if options.get(option):
            raise InputError(f"{place} sets {option}, which is not supported; merge it with the program that wrote it")
    alpha = options.get("lora_alpha", 1)
    rank = options.get("r")
    is_number = isinstance(alpha, int | float) and not isinstance(alpha, bool) and 0 < alpha < 10**6
    if not is_number or not (rank is None or type(rank) is int):
        raise InputError(f"{place}: lora_alpha and r must be numbers above 0; give the configuration of the training")
    return float(alpha), rank


def _check_updates(updates: Mapping[str, Update], rank: int | None, base: Checkpoint, file: WeightFile) -> None:
    """Check that each update fits a layer of the base."""
    own = skeleton(base.settings).state_dict()
    updated = [slot for slot in slots_of(base) if slot.theirs.removesuffix(".weight") in updates]
    places = Counter(f"{slot.ours} {slot.index}" for slot in updated if slot.theirs.endswith(".weight"))
    if any(count > 1 for count in places.values()):
        raise InputError(
            f"{file.path} updates layers that the stems of {base.file.path} share; give the model that it belongs to "
            "as base=..."
        )
    shapes = {slot.theirs: tuple(own[slot.ours][slot.index].shape) for slot in slots_of(base)}
    for layer, update in updates.items():
        expected = shapes.get(f"{layer}.weight")
        shape = (len(update.second), update.first.shape[1])
        same_rank = update.second.shape[1] == len(update.first) and rank in (None, len(update.first))
        if expected is None:
            raise InputError(
                f"{file.path} updates {shortened(layer)}, which {base.file.path} does not have; give the model that "
                "it belongs to as base=..."
            )
        if expected != shape or not same_rank:
            raise InputError(
                f"{file.path} does not fit {base.file.path}: the update of {shortened(layer)} is of shape {shape} and "
                f"rank {len(update.first)}, and the layer of shape {expected}; give the model and the configuration "
                "that it belongs to"
            )
