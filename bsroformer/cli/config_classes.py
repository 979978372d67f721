"""Classes that configs name, which are found by former paths too."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bsroformer.cli.schemas.components import TARGET
from bsroformer.installation import CONFIGS, PACKAGE
from bsroformer.safe_files import parse_yaml, read_text

PARTIAL = "_partial_"
SPECIAL = re.compile(r"_[a-z]+_")
"""Keys that ``hydra.utils.instantiate`` acts on."""
OURS = "bsroformer."
OWN = (OURS, "benchmarks.")
"""Starts of the paths of classes of this program and its scripts."""


@dataclass
class Group:
    """Classes of one group of configs.

    Attributes:
        targets: Dotted path -> parameters that the configs give to it.
        partial: Whether some of them are called with further arguments later.
    """

    targets: dict[str, set[str]] = field(default_factory=dict)
    partial: bool = False


@cache
def classes_by_group(folders: tuple[Path, ...]) -> dict[str, Group]:
    """Return the classes that configs name, by the first part of their key."""
    groups: dict[str, Group] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            for name, tree in _by_group(path, folder):
                for node in _nodes(tree):
                    _add(groups.setdefault(name, Group()), node)
    return groups


def _by_group(path: Path, folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield a config's trees with the groups that its package assigns."""
    text = read_text(path)
    tree = parse_yaml(text, path)
    place = path.relative_to(folder).parts[:-1]
    is_global = not place or "@package _global_" in text.partition("\n")[0]
    if not is_global:
        yield place[0], tree
    elif isinstance(tree, dict):
        yield from tree.items()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """The mappings in a tree that name a class."""
    if isinstance(tree, dict) and TARGET in tree:
        yield tree
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for child in children:
        yield from _nodes(child)


def _add(group: Group, node: dict[str, Any]) -> None:
    parameters = {key for key in node if not SPECIAL.fullmatch(key)}
    group.targets.setdefault(node[TARGET], set()).update(parameters)
    group.partial |= node.get(PARTIAL) is True


def present_path(target: str, known: Collection[str]) -> str | None:
    """Return the present path of a class among known ones; None for others.

    Classes of this program are found by name, since their modules may have moved.
    """
    if target in known:
        return target
    if not target.startswith(OURS):
        return None
    name = target.rpartition(".")[2]
    own = [path for path in known if path.startswith(OWN) and path.rpartition(".")[2] == name]
    return own[0] if own else None


def with_present_paths(tree: Any) -> Any:
    """Replace former paths under ``_target_`` in a plain tree."""
    if isinstance(tree, list):
        return [with_present_paths(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    renamed = {name: with_present_paths(value) for name, value in tree.items()}
    target = renamed.get(TARGET)
    if isinstance(target, str) and _has_moved(target):
        known = {path for group in classes_by_group((CONFIGS,)).values() for path in group.targets}
        renamed[TARGET] = present_path(target, known) or target
    return renamed


def moved_callbacks(tree: DictConfig) -> list[str]:
    """Return overrides that replace former paths of Hydra's callbacks, which Hydra builds."""
    callbacks: Any = OmegaConf.to_container(tree.hydra.callbacks)
    present = with_present_paths(callbacks)
    moved = [name for name in present if present[name] != callbacks[name]]
    return [f"hydra.callbacks.{name}.{TARGET}={present[name][TARGET]}" for name in moved]


def _has_moved(target: str) -> bool:
    """Return whether a path names a module of this program that does not exist; nothing is imported."""
    if not target.startswith(OURS):
        return False
    module = PACKAGE.parent / target.rpartition(".")[0].replace(".", "/")
    return not module.is_dir() and not module.with_suffix(".py").is_file()
