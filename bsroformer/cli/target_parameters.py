"""Parameters of a ``_target_``."""

import inspect
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

from hydra.utils import get_object

INSTANTIATE = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")
"""Hydra's keys beside the arguments."""
MISTYPED = 0.8
"""Similarity from which a name is taken for a typo of another."""


@dataclass(frozen=True)
class Parameters:
    """The arguments of a class or function; `others` if it takes any name."""

    names: tuple[str, ...] = ()
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
    takes_any_name = any(each.kind is Parameter.VAR_KEYWORD for each in found.values())
    return Parameters(names, takes_any_name)


def is_near(name: str, names: tuple[str, ...]) -> bool:
    """Return whether a name resembles one of others."""
    return bool(get_close_matches(name, names, 1, MISTYPED))
