"""Arguments of components: their names and annotations, and a check against these.

PyTorch's and Lightning's annotations give types only, so `schemas.components` has bounds for these.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from inspect import Parameter
from typing import Any, get_type_hints

from hydra.utils import get_object
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from bsroformer.cli.schemas.components import TARGET, components
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.schemas.schema import STRICT, as_json, faults, shown

ANNOTATED = ("bsroformer.", "benchmarks.")
"""Packages whose annotations give the allowed values; those of other packages are often imprecise."""
INSTANTIATE = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")
"""Hydra's keys beside the arguments."""
MISTYPED = 0.8
"""Similarity from which a name is taken for a typo of another."""


def argument_faults(cfg: Config) -> dict[str, str]:
    """Describe the faults in the arguments of all components, by key."""
    found: dict[str, str] = {}
    for key, component in components(cfg):
        found |= _faults(component.tree, key)
    return found


def _faults(tree: Mapping[str, Any], key: str) -> dict[str, str]:
    """Describe the faults of a component and of the components in its arguments."""
    found: dict[str, str] = {}
    plain = {}
    for name, value in tree.items():
        place = f"{key}.{name}"
        if _is_component(value):
            found |= _faults(value, place)
        elif isinstance(value, dict) and any(map(_is_component, value.values())):
            found |= _faults_of_each(value, place)
        elif not name.startswith("_"):
            plain[name] = value
    schema = arguments_of(str(tree[TARGET]))
    if schema is not None:
        try:
            schema.model_validate_json(as_json(plain))
        except ValidationError as error:
            found |= faults(error, plain, f"{key}.")
    return found


def _faults_of_each(tree: Mapping[str, Any], key: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in tree.items():
        place = f"{key}.{name}"
        if _is_component(value):
            found |= _faults(value, place)
        else:
            found[place] = f"{place}={shown(value)} must be a mapping with {TARGET}"
    return found


def _is_component(value: Any) -> bool:
    return isinstance(value, dict) and TARGET in value


@cache
def arguments_of(target: str) -> type[BaseModel] | None:
    """Create a schema of the arguments of this program's own class or function.

    None for classes and functions of other packages.

    Args:
        target: Its dotted name.
    """
    if not target.startswith(ANNOTATED):
        return None
    try:
        called = get_object(target)
    except Exception:  # any error of its import is reported where it is built
        return None
    hints = get_type_hints(called.__init__ if inspect.isclass(called) else called, include_extras=True)
    fields: dict[str, Any] = {name: (kind, None) for name, kind in hints.items() if name != "return"}
    return create_model("Arguments", __config__=STRICT | ConfigDict(extra="allow", protected_namespaces=()), **fields)


@dataclass(frozen=True)
class Parameters:
    """The arguments of a class or function.

    Attributes:
        names: Their names.
        optional: Names of those with a default.
        others: Whether it takes any name.
    """

    names: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    others: bool = True

    def take(self, name: str) -> bool:
        """Return whether the argument exists; names close to another do not count."""
        if name in (*self.names, *INSTANTIATE):
            return True
        return self.others and not is_near(name, self.names)


def parameters(target: Any) -> Parameters:
    """Return the parameters of a dotted name; any name if it cannot be imported."""
    try:
        found = inspect.signature(get_object(str(target))).parameters
    except Exception:  # any error of its import is reported by `instantiate`
        return Parameters()
    variable = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    names = tuple(name for name, each in found.items() if each.kind not in variable)
    optional = tuple(name for name in names if found[name].default is not Parameter.empty)
    takes_any_name = any(each.kind is Parameter.VAR_KEYWORD for each in found.values())
    return Parameters(names, optional, takes_any_name)


def is_near(name: str, names: tuple[str, ...]) -> bool:
    """Return whether a name resembles one of others."""
    return bool(get_close_matches(name, names, 1, MISTYPED))
