"""Comparison of a checkpoint's entries with those that this program would write."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from bsroformer.errors import InputError

MAX_COUNT = 2**53
"""Bound of counters: no run makes more steps, and arithmetic with larger ones is slow or inexact."""
MAX_SHOWN = 60
"""Characters of a text that a message quotes."""


def require(condition: bool, name: str, problem: str) -> None:
    """Refuse an entry of a checkpoint unless a condition holds.

    Raises:
        InputError: If it does not.
    """
    if not condition:
        raise InputError(f"its entry {name} {problem}")


def check_like(found: Any, usual: Any, name: str, optional: Container[str] = ()) -> None:
    """Compare a state with the usual one: its keys, lengths, types and shapes.

    A usual None stands for a plain value or a tensor of one element, an empty list or dict for any of its kind.

    Args:
        found: The state from the file.
        usual: The state that this program would write.
        name: Name of the entry, for messages.
        optional: Keys that may be missing, since older versions lack them.

    Raises:
        InputError: Naming the entry that differs.
    """
    if isinstance(usual, dict):
        _check_dict(found, usual, name, optional)
    elif isinstance(usual, list | tuple):
        _check_list(found, usual, name, optional)
    elif isinstance(usual, Tensor):
        _check_tensor(found, usual, name)
    elif usual is None:
        _check_plain(found, name)
    elif isinstance(usual, bool) or not isinstance(usual, int | float):
        require(type(found) is type(usual), name, f"is {_kind(found)} instead of {_kind(usual)}")
    else:
        _check_number(found, usual, name)


def require_kind(found: Any, kind: Any, expected: str, name: str) -> None:
    """Refuse an entry of another type.

    Args:
        found: The entry.
        kind: The type, or a union of types.
        expected: The type in words, for messages.
        name: Name of the entry, for messages.

    Raises:
        InputError: If it has another type.
    """
    require(isinstance(found, kind), name, f"is {_kind(found)} instead of {expected}")


def _check_dict(found: Any, usual: dict[Any, Any], name: str, optional: Container[str]) -> None:
    require_kind(found, dict, "a dictionary", name)
    for key, value in usual.items():
        if key in found:
            check_like(found[key], value, f"{name}.{key}", optional)
        else:
            require(key in optional, f"{name}.{key}", "is missing")
    if not usual:
        return
    for key in found:
        require(key in usual, f"{name}.{short(key)}", "is unknown here")


def _check_list(found: Any, usual: Sequence[Any], name: str, optional: Container[str]) -> None:
    require_kind(found, list | tuple, "a list", name)
    count = len(found)
    if not usual:
        usual = [None] * count
    require(count == len(usual), name, f"has {count} values instead of {len(usual)}")
    for number, value in enumerate(found):
        check_like(value, usual[number], f"{name}[{number}]", optional)


def _check_tensor(found: Any, usual: Tensor, name: str) -> None:
    require_kind(found, Tensor, "a tensor", name)
    shape = tuple(found.shape)
    expected = tuple(usual.shape)
    require(shape == expected, name, f"has shape {shape} instead of {expected}")


def _check_plain(found: Any, name: str) -> None:
    if isinstance(found, Tensor):
        valid = found.numel() == 1
    else:
        valid = found is None or isinstance(found, bool | int | float | str)
    require(valid, name, f"is {_kind(found)}")


def _check_number(found: Any, usual: float, name: str) -> None:
    kinds = int if isinstance(usual, int) else int | float
    is_number = isinstance(found, kinds) and not isinstance(found, bool)
    require(is_number, name, f"is {_kind(found)} instead of a number")
    within = abs(found) <= MAX_COUNT  # False for NaN; a large integer may not fit a float
    require(within or found == usual, name, f"is {short(found)}")
    require(found >= 0 or usual < 0, name, f"is {short(found)}, below 0")


def _kind(value: Any) -> str:
    if value is None or isinstance(value, str):
        return short(value)
    return f"a {type(value).__name__}"


def short(value: Any) -> str:
    """A value from a file as a short text, however large it is."""
    if isinstance(value, str):
        return repr(value[:MAX_SHOWN])
    if value is None or isinstance(value, bool | float):
        return str(value)
    if not isinstance(value, int):
        return f"a {type(value).__name__}"
    return str(value) if abs(value) <= MAX_COUNT else "a number without end"


def is_finite(tensor: Tensor) -> bool:
    """Return whether all values are finite.

    Their sum is a quick check, but may overflow.
    """
    sum_is_finite = bool(tensor.sum().isfinite())
    return sum_is_finite or bool(tensor.isfinite().all())


@contextmanager
def unusable(name: str, errors: type[Exception]) -> Iterator[None]:
    """Convert a library's error about an entry.

    Raises:
        InputError: In place of these errors.
    """
    try:
        yield
    except InputError:
        raise
    except errors as error:
        reason = f"{type(error).__name__}: {error!s:.100}"
        raise InputError(f"its entry {name} cannot be used ({reason})") from error
