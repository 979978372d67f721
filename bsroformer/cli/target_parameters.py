"""What the ``_target_`` of a config takes."""

import inspect
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from hydra.utils import get_object

INSTANTIATE = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")
"""Keys of Hydra's, beside the arguments."""
CLEAR = 0.8
"""Similarity from which a name is taken for a mistyped one."""


@dataclass(frozen=True)
class Parameters:
    """The arguments of a class or function; `others` if it takes more than those that it names."""

    names: tuple[str, ...] = ()
    others: bool = True

    def take(self, name: str) -> bool:
        """Whether there is such an argument; one that is nearly another is a typing error of that."""
        if name in (*self.names, *INSTANTIATE):
            return True
        return self.others and not is_near(name, self.names)


def parameters(target: Any) -> Parameters:
    """What a class or function takes, given by its dotted name; anything, if it cannot be imported."""
    try:
        found = inspect.signature(get_object(str(target))).parameters
    except Exception:  # whatever importing it raises; `instantiate` reports that
        return Parameters()
    names = tuple(name for name, each in found.items() if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL))
    return Parameters(names, any(each.kind is each.VAR_KEYWORD for each in found.values()))


def is_near(name: str, names: tuple[str, ...]) -> bool:
    """Whether a name is close to one of others."""
    return bool(get_close_matches(name, names, 1, CLEAR))
