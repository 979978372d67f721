"""Comparison of a state from a file with one of the same kind that this program has made."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from bsroformer.errors import InputError

MOST = 2**53
"""Bound of counts: no run makes as many steps, and arithmetic with larger ones is slow or not exact."""


def require(condition: bool, name: str, problem: str) -> None:
    """Refuse an entry of a checkpoint.

    Raises:
        InputError: If `condition` does not hold.
    """
    if not condition:
        raise InputError(f"its entry {name} {problem}")


def check_like(found: Any, usual: Any, name: str, optional: Container[str] = ()) -> None:
    """Compare a state with a usual one: the same keys, as many values, numbers for numbers.

    A usual None stands for a plain value or a tensor of one element, an empty list or dict for any of its kind.

    Args:
        found: From the file.
        usual: What this program would write in its place.
        name: Of the entry, for messages.
        optional: Keys that may be missing, since older versions lack them.

    Raises:
        InputError: Naming the entry that is otherwise.
    """
    if isinstance(usual, dict):
        _check_dict(found, usual, name, optional)
    elif isinstance(usual, list | tuple):
        require(isinstance(found, list | tuple), name, f"is {_kind(found)} instead of a list")
        require(len(found) == len(usual) or not usual, name, f"has {len(found)} values instead of {len(usual)}")
        for number, value in enumerate(found):
            check_like(value, usual[number] if usual else None, f"{name}[{number}]", optional)
    elif isinstance(usual, Tensor):
        require(isinstance(found, Tensor), name, f"is {_kind(found)} instead of a tensor")
        require(found.shape == usual.shape, name, f"has shape {tuple(found.shape)} instead of {tuple(usual.shape)}")
    elif usual is None:
        plain = found is None or isinstance(found, bool | int | float | str)
        require(plain or (isinstance(found, Tensor) and found.numel() == 1), name, f"is {_kind(found)}")
    else:
        _check_value(found, usual, name)


def _check_dict(found: Any, usual: dict[Any, Any], name: str, optional: Container[str]) -> None:
    require(isinstance(found, dict), name, f"is {_kind(found)} instead of a dictionary")
    for key, value in usual.items():
        if key in found:
            check_like(found[key], value, f"{name}.{key}", optional)
        else:
            require(key in optional, f"{name}.{key}", "is missing")
    extra = next((key for key in found if usual and key not in usual), None)
    require(extra is None, f"{name}.{short(extra)}", "is unknown here")


def _check_value(found: Any, usual: Any, name: str) -> None:
    if isinstance(usual, bool) or not isinstance(usual, int | float):
        require(type(found) is type(usual), name, f"is {_kind(found)} instead of {_kind(usual)}")
        return
    kinds = int if isinstance(usual, int) else int | float
    require(isinstance(found, kinds) and not isinstance(found, bool), name, f"is {_kind(found)} instead of a number")
    within = abs(found) <= MOST  # which NaN is not; a whole number may be too large for a float
    require(within or found == usual, name, f"is {short(found)}")
    require(found >= 0 or usual < 0, name, f"is {short(found)}, below 0")


def _kind(value: Any) -> str:
    return short(value) if value is None or isinstance(value, str) else f"a {type(value).__name__}"


def short(value: Any) -> str:
    """A value from a file in a few words, however large it is."""
    if isinstance(value, str):
        return f"{value[:60]!r}"
    if isinstance(value, bool | float | None) or (isinstance(value, int) and abs(value) <= MOST):
        return str(value)
    return "a number without end" if isinstance(value, int) else f"a {type(value).__name__}"


def is_finite(tensor: Tensor) -> bool:
    """Whether all values are numbers; the sum is quick, and finite values may overflow in it."""
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


@contextmanager
def unusable(name: str, errors: type[Exception]) -> Iterator[None]:
    """Report what a library says of an entry in one sentence.

    Raises:
        InputError: In place of these errors.
    """
    try:
        yield
    except InputError:
        raise
    except errors as error:
        raise InputError(f"its entry {name} cannot be used ({type(error).__name__}: {error!s:.100})") from error
