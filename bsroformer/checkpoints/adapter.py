"""Adapters: files of the weights that a fine-tuning has trained, without those of the model it started from.

Like other files of this project they hold a model's settings and weights, and in addition::

    bsroformer: {format: 3, model: {...}, adapter: {...}}     the argument of `Adaptation`
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from bsroformer.checkpoints.checkpoint import Checkpoint
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.hub import find_in_cache, is_on_hub
from bsroformer.errors import InputError
from bsroformer.models.adaptation import Adaptation, adapt, frozen_names, merge
from bsroformer.models.empty_model import blank_model, skeleton
from bsroformer.models.problems import problems_of
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings
from bsroformer.run_folder import is_folder
from bsroformer.safe_files import check_plain

MAX_CHAIN = 8
"""Most adapters of which each is the base of the next."""


@dataclass(frozen=True)
class AdapterCheckpoint(Checkpoint):
    """A file of trained weights, which are merged into those of its base.

    Attributes:
        adaptation: The trained weights, and the base.
        base_path: The base's file, as the user gave it; None to look for the one that the adapter names.
        depth: Number of adapters of which this one is the base.
    """

    adaptation: Adaptation = field(default_factory=Adaptation)
    base_path: str | None = None
    depth: int = 0

    @cached_property
    def base(self) -> Checkpoint:
        """The base's checkpoint.

        Raises:
            InputError: If it is not there, or cannot be read.
        """
        from bsroformer.checkpoints.load import open_checkpoint  # which imports this module

        base = open_checkpoint(self.base_path or find_base(self))
        if not isinstance(base, AdapterCheckpoint):
            return base
        if self.depth + 1 >= MAX_CHAIN:
            raise InputError(f"{self.file.path} is an adapter of too many others; merge its base first")
        return replace(base, depth=self.depth + 1)

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files that were read: the adapter's and the base's."""
        return (*super().files, *self.base.files)

    @torch.no_grad()
    def model(self) -> SeparationModel:
        """Build the model with merged weights, in evaluation mode and float32, on the CPU.

        Raises:
            InputError: If the base is missing or another one, or a weight is missing or not a number.
        """
        self.check()
        base = self.base.model()
        self._check_base(base)
        others = base.state_dict()
        self._check_frozen(others)  # before memory is allocated for them
        model = blank_model(self.settings)
        adapt(model, self.adaptation)
        own = model.state_dict()
        for name in frozen_names(model):
            own[name].copy_(others[name])
        for name, weight in self.weights.items():
            own[name].copy_(weight)
        self._check_finite(own)
        return merge(model)

    def _check_frozen(self, others: Mapping[str, Tensor]) -> None:
        model = skeleton(self.settings)
        adapt(model, self.adaptation)
        own = model.state_dict()
        for name in frozen_names(model):
            if name not in others or own[name].shape != others[name].shape:
                raise InputError(
                    f"{self.file.path} does not fit {self.base.file.path}: {name} is missing there or of another "
                    "shape; give the base of the adapter as base=..."
                )

    def _check_base(self, base: SeparationModel) -> None:
        facts = self.adaptation.base
        assert facts is not None
        found = weights_digest(base)
        if found != facts.digest:
            raise InputError(
                f"{self.file.path} belongs to the weights {facts.digest} of {facts.name}, and {self.base.file.path} "
                f"holds {found}; give the base that it was trained on as base=..."
            )


def find_base(adapter: AdapterCheckpoint) -> str:
    """Find the base that an adapter names: at the recorded path, in the cache of the Hub, or beside the adapter.

    The file may come from another person, so that it cannot make this program download anything.

    Raises:
        InputError: If there is no such file.
    """
    facts = adapter.adaptation.base
    assert facts is not None
    own = adapter.file.path.resolve()
    is_network_path = facts.name.startswith(("//", "\\\\"))
    named = find_in_cache(facts.name) if is_on_hub(facts.name) else Path(facts.name)
    candidates = [] if named is None or is_network_path else [named, own.parent / named.name]
    existing = list(dict.fromkeys(path.resolve() for path in candidates if _is_file(path) and path.resolve() != own))
    fitting = [path for path in existing if len(existing) == 1 or _is_base(path, adapter)]
    if existing:
        return str((fitting or existing)[0])
    raise InputError(
        f"{adapter.file.path} holds the trained weights of a model based on {facts.name}, which is neither there nor "
        f"beside it; give that model as base=..."
    )


def _is_base(path: Path, adapter: AdapterCheckpoint) -> bool:
    """Check whether a file holds the weights that an adapter belongs to."""
    from bsroformer.checkpoints.load import open_checkpoint  # which imports this module

    facts = adapter.adaptation.base
    assert facts is not None
    if adapter.depth + 1 >= MAX_CHAIN:
        return False
    try:
        opened = open_checkpoint(str(path))
        if isinstance(opened, AdapterCheckpoint):
            opened = replace(opened, depth=adapter.depth + 1)
        return weights_digest(opened.model()) == facts.digest
    except InputError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file() and not is_folder(path)
    except (OSError, ValueError):
        return False


def adaptation_in(tree: Any, source: str) -> Adaptation:
    """Validate the entry of an adapter.

    Raises:
        InputError: If it is not one.
    """
    check_plain(tree, source)
    try:
        adaptation = Adaptation.model_validate(tree)
    except ValidationError as error:
        raise InputError(f"{source} does not describe an adapter: {problems_of(error)}") from error
    if adaptation.base is None:
        raise InputError(f"{source} does not name the model that it belongs to; save the adapter again")
    return adaptation


def adapter_shapes(settings: ModelSettings, adaptation: Adaptation, source: str) -> dict[str, tuple[int, ...]]:
    """Compute the shape of each weight that an adapter holds.

    Raises:
        InputError: If the model has no such parts or layers.
    """
    model = skeleton(settings)
    try:
        adapt(model, adaptation)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    frozen = set(frozen_names(model))
    return {name: tuple(weight.shape) for name, weight in model.state_dict().items() if name not in frozen}
