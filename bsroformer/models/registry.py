"""Registry of the architectures, by name.

Each folder of `bsroformer/models/` is one, imported when it is first needed; others are added by
`register_architecture`. A file selects one by ``architecture:`` and cannot name any other code.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bsroformer.errors import InputError
from bsroformer.models.problems import problems_of, shortened
from bsroformer.models.public_layout import PublicLayout
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings

DEFAULT = "bs_roformer"
"""Default of the key ``architecture``."""
KEY = "architecture"

M = TypeVar("M", bound=type[SeparationModel])


@dataclass(frozen=True)
class Architecture:
    """A registered architecture.

    Attributes:
        name: Value of ``architecture:``.
        settings: Class of its settings.
        model: Class of its models, built from settings alone.
        public_layout: Reader and writer of the files of other programs, if there are such programs.
    """

    name: str
    settings: type[ModelSettings]
    model: type[SeparationModel]
    public_layout: PublicLayout | None = None


_REGISTERED: dict[str, Architecture] = {}


def register_architecture(
    name: str, settings: type[ModelSettings], public_layout: PublicLayout | None = None
) -> Callable[[M], M]:
    """Decorate the model class of an architecture; a later one replaces it.

    Args:
        name: Value of ``architecture:``.
        settings: Class of its settings, whose field `architecture` has `name` as its default.
        public_layout: See `Architecture`.

    Raises:
        ValueError: If the settings have another name.
    """
    default = settings.model_fields[KEY].default
    if default != name:
        raise ValueError(f"{settings.__name__}.architecture must default to {name!r}, got {default!r}")

    def register(model: M) -> M:
        _REGISTERED[name] = Architecture(name, settings, model, public_layout)
        return model

    return register


def unregister_architecture(name: str) -> None:
    """Remove an architecture that `register_architecture` added."""
    del _REGISTERED[name]


@cache
def _folders() -> frozenset[str]:
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    return frozenset(module.name for module in modules if module.ispkg)


def architecture_names() -> list[str]:
    """List the valid values of ``architecture:``."""
    return sorted(_folders() | _REGISTERED.keys())


def find_architecture(name: str, source: str = "model") -> Architecture:
    """Look up an architecture.

    Args:
        name: Value of ``architecture:``.
        source: File or key that contains it, for the message.

    Raises:
        InputError: If the name is unknown.
    """
    if name not in _REGISTERED and name in _folders():
        importlib.import_module(f"{__package__}.{name}")
    if name not in _REGISTERED:
        raise _unknown(name, source)
    return _REGISTERED[name]


def _unknown(name: str, source: str) -> InputError:
    known = ", ".join(architecture_names())
    return InputError(f"{source} has {KEY}={shortened(name)}; it must be one of {known}")


def architecture_of(settings: ModelSettings) -> Architecture:
    """Return the architecture that settings belong to."""
    return find_architecture(settings.architecture)


def architectures() -> list[Architecture]:
    """Import and return all architectures."""
    return [find_architecture(name) for name in architecture_names()]


def build_model(settings: ModelSettings) -> SeparationModel:
    """Build a model with random weights.

    Raises:
        InputError: If its sizes do not fit together.
    """
    return architecture_of(settings).model(settings)


def settings_from_dict(tree: dict[str, Any], source: str = "model") -> ModelSettings:
    """Validate a plain tree of settings by the class of its `architecture`.

    Args:
        tree: As in ``configs/model/*.yaml`` or under ``model`` in a checkpoint.
        source: Its origin, for the message.

    Raises:
        InputError: Naming each key that is missing, unknown or out of range.
    """
    name = tree.get(KEY, DEFAULT) if isinstance(tree, dict) else DEFAULT
    if not isinstance(name, str):
        raise _unknown(repr(name), source)
    try:
        return find_architecture(name, source).settings.model_validate(tree)
    except ValidationError as error:
        raise InputError(f"{source} does not describe a model: {problems_of(error)}") from error


def checked_settings(tree: dict[str, Any], source: str) -> ModelSettings:
    """Validate a tree of settings and check that its sizes fit together.

    Raises:
        InputError: See `settings_from_dict` and `ModelSettings.check`.
    """
    return check_sizes(settings_from_dict(tree, source), source)


S = TypeVar("S", bound=ModelSettings)


def check_sizes(settings: S, source: str) -> S:
    """Return the settings if their sizes fit together.

    Raises:
        InputError: If they do not, naming the source of the settings.
    """
    try:
        settings.check()
    except InputError as error:
        raise InputError(f"{source} does not describe a model: {error}") from error
    return settings
