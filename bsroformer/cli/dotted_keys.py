"""Dotted keys of plain trees, which are made of dicts, lists and values."""

from collections.abc import Iterator, Mapping
from typing import Any

MISSING = object()
"""What a tree has at a key that it lacks."""


def at(tree: Any, key: str, default: Any = None) -> Any:
    """Return the value at a dotted key; the tree itself at an empty one."""
    for part in key.split(".") if key else ():
        if not isinstance(tree, Mapping) or part not in tree:
            return default
        tree = tree[part]
    return tree


def has(tree: Any, key: str) -> bool:
    """Return whether a tree has a dotted key."""
    return at(tree, key, MISSING) is not MISSING


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, with the mappings that lead to it."""
    *parents, name = key.split(".")
    for part in parents:
        inner = tree.get(part)
        tree[part] = inner if isinstance(inner, dict) else {}
        tree = tree[part]
    tree[name] = value


def remove(tree: dict[str, Any], key: str) -> None:
    """Remove a dotted key, if the tree has it."""
    parent, _, name = key.rpartition(".")
    owner = at(tree, parent)
    if isinstance(owner, dict):
        owner.pop(name, None)


def keys(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key of the mappings in a tree with its value, parents first."""
    for name, value in tree.items() if isinstance(tree, dict) else ():
        yield f"{prefix}{name}", value
        yield from keys(value, f"{prefix}{name}.")
