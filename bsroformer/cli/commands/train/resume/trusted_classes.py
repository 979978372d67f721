"""Classes that a run's configuration may name: those of the configs' groups.

``config.yaml`` of a run may come from another person. Its ``_target_`` is looked up by group and name among the classes
of ``configs/``, so that it chooses among these and nothing else; Hydra's own list of dangerous names is not relied on.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from torch import optim

from bsroformer.cli.schemas.components import TARGET
from bsroformer.errors import InputError
from bsroformer.installation import CONFIGS
from bsroformer.safe_files import parse_yaml, read_text

PARTIAL = "_partial_"
SPECIAL = re.compile(r"_[a-z]+_")
"""Keys that ``hydra.utils.instantiate`` acts on."""
OURS = "bsroformer."
FORMER_TARGETS = {
    "lightning.pytorch.callbacks.ModelCheckpoint": "bsroformer.training.callbacks.best_checkpoint.BestCheckpoint",
}
"""Classes in the configurations of older runs, and those that replace them."""
HYDRA = "hydra"
"""The group of Hydra's own plugins, which a run's configuration does not contain."""


@dataclass
class Group:
    """Classes of one group of configs.

    Attributes:
        targets: Dotted path -> parameters that the configs give to it.
        partial: Whether some of them are called with further arguments later.
    """

    targets: dict[str, set[str]] = field(default_factory=dict)
    partial: bool = False

    def find(self, target: str) -> str | None:
        """Return the present path of a class.

        Classes of this program are found by name, since their modules may have moved.
        """
        target = FORMER_TARGETS.get(target, target)
        if target in self.targets:
            return target
        name = target.rpartition(".")[2]
        own = [known for known in self.targets if known.startswith(OURS) and known.rpartition(".")[2] == name]
        return own[0] if own and target.startswith(OURS) else None


def config_folders() -> list[Path]:
    """Return the folders of configs, including that of ``--config-dir``."""
    if not HydraConfig.initialized():
        return [CONFIGS]
    return [Path(source.path) for source in HydraConfig.get().runtime.config_sources if source.schema == "file"]


def known_groups() -> dict[str, Group]:
    """Return the classes that the configs name, by the first part of their key."""
    return _groups_of(tuple(config_folders()))


@cache
def _groups_of(folders: tuple[Path, ...]) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            for name, tree in _by_group(path, folder):
                for node in _nodes(tree):
                    _add(groups.setdefault(name, Group()), node)
    groups.pop(HYDRA, None)
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


def is_optimizer(target: str) -> bool:
    """Return whether this is an optimiser of PyTorch, which only computes."""
    module, _, name = target.rpartition(".")
    found = getattr(optim, name, None) if module == "torch.optim" else None
    return isinstance(found, type) and issubclass(found, optim.Optimizer)


def with_known_classes(tree: dict[str, Any], source: Path, given: Collection[str] = ()) -> dict[str, Any]:
    """Check that each ``_target_`` is a known class of its group, and update it.

    Args:
        tree: Plain values, as read from the file.
        source: The file, for messages.
        given: Keys that the command line sets in place of the file's, which are not checked.

    Raises:
        InputError: Naming the first key that chooses other code, or is not a plain value.
    """
    return _Lookup(known_groups(), source, tuple(given)).checked(tree, "")


@dataclass(frozen=True)
class _Lookup:
    groups: dict[str, Group]
    source: Path
    given: tuple[str, ...]

    def checked(self, value: Any, key: str) -> Any:
        if any(key == each or key.startswith(f"{each}.") for each in self.given):
            return value
        if isinstance(value, dict):
            return {name: self._entry(name, each, f"{key}.{name}" if key else name) for name, each in value.items()}
        if isinstance(value, list):
            return [self.checked(each, f"{key}.{number}") for number, each in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            raise InputError(
                f"{self.source}: {key}={value!r:.60} refers to another key by ${{...}}, but the configuration of a "
                f"run holds only values; write the value there, or give {key} on the command line"
            )
        return value

    def _entry(self, name: str, value: Any, key: str) -> Any:
        if not SPECIAL.fullmatch(name) or key in self.given:
            return self.checked(value, key)
        group = self.groups.get(key.partition(".")[0], Group())
        if name == TARGET and isinstance(value, str):
            found = value if key == f"optimizer.{TARGET}" and is_optimizer(value) else group.find(value)
            if found is not None:
                return found
        elif name == PARTIAL and value is True and group.partial:
            return value
        raise InputError(
            f"{self.source}: {key}={value!r:.80} is not in configs/{key.partition('.')[0]}/, and the file of a "
            f"run must not choose other code; if you trust it, give it again on the command line: {key}=..."
        )
