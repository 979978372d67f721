"""Configurations of one job or of a sweep, composed as Hydra will before it starts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, ListConfig, OmegaConf

from bsroformer.cli import flags
from bsroformer.cli.hydra_values import parse_overrides
from bsroformer.cli.suggestions import wrong_choice
from bsroformer.errors import InputError
from bsroformer.installation import CONFIGS

VERSION_BASE = "1.3"


class Composer:
    """Composes the configuration of a command.

    Args:
        name: Name of the root config.
        given: Hydra's options of the command line, which can name other folders of configs.

    Raises:
        InputError: If such a folder does not exist.
    """

    def __init__(self, name: str, given: Sequence[str]) -> None:
        self.name = flags.value_of(given, "-cn", "--config-name") or name
        self.folder = Path(flags.value_of(given, "-cp", "--config-path") or CONFIGS).resolve()
        added = flags.value_of(given, "-cd", "--config-dir")
        self.added = Path(added).resolve() if added else None
        self.folders = [folder for folder in (self.folder, self.added) if folder is not None]
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        for option, folder in (("config-path", self.folder), ("config-dir", self.added)):
            if folder is not None and not folder.is_dir():
                raise InputError(f"--{option}={folder} is not a folder; give one that holds configs")

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Compose the tree, with Hydra's own settings under ``hydra``; read only.

        Raises:
            InputError: For a choice that its group does not have.
        """
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._compose(overrides)
        return self._composed[key]

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        added = [f"hydra.searchpath=['file://{self.added}']"] if self.added else []
        with self._hydra():
            try:
                return compose(self.name, [*added, *overrides], return_hydra_config=True)
            except MissingConfigException as error:
                raise InputError(self._missing(error)) from error

    def options(self, group: str) -> list[str]:
        """The choices of a group."""
        with self._hydra():
            found = GlobalHydra.instance().config_loader().get_group_options(group)
        added = (self.added / group).glob("*.yaml") if self.added else ()
        return sorted({*found, *(file.stem for file in added)})

    def is_group(self, key: str) -> bool:
        """Return whether a key of the command line chooses a config file."""
        return "/" in key or any((folder / key).is_dir() for folder in self.folders)

    def _missing(self, error: MissingConfigException) -> str:
        """Describe a wrong choice, and list the options."""
        group, _, choice = str(error.missing_cfg_file or "").rpartition("/")
        if not group:
            return str(error).partition("\n")[0]
        return wrong_choice(group, choice, self.options(group))

    @contextmanager
    def _hydra(self) -> Iterator[None]:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(self.folder), version_base=VERSION_BASE):
            yield


def child_names(node: Any) -> list[str]:
    """The names or indices in a node of a tree; none if it is a leaf."""
    if isinstance(node, ListConfig):
        return [str(index) for index in range(len(node))]
    if not isinstance(node, DictConfig):
        return []
    has_no_names = node._is_none() or node._is_missing() or node._is_interpolation()
    return [] if has_no_names else [str(key) for key in node]


def node_at(tree: DictConfig, key: str) -> Any:
    """The node at a dotted key; None if it is missing."""
    if not key:
        return tree
    return OmegaConf.select(tree, key, throw_on_missing=False, throw_on_resolution_failure=False)


def has_key(tree: DictConfig, key: str) -> bool:
    """Return whether a tree has a dotted key, with a value or without."""
    parent, _, name = key.rpartition(".")
    return name in child_names(node_at(tree, parent))


def is_nullable(tree: DictConfig, key: str) -> bool:
    """Return whether a key is null by default, and not required."""
    parent, _, name = key.rpartition(".")
    if not has_key(tree, key):
        return False
    is_required = OmegaConf.is_missing(node_at(tree, parent), name)
    return not is_required and node_at(tree, key) is None


def all_keys(tree: DictConfig, parent: str = "") -> list[str]:
    """List all dotted keys of a tree, each below the parent's prefix.

    Hydra's own settings are listed only if the tree is Hydra's.
    """
    found = []
    for name in child_names(tree):
        key = f"{parent}{name}"
        if key == "hydra":
            continue
        found.append(key)
        node = tree._get_node(name) if isinstance(tree, DictConfig) else None
        if isinstance(node, DictConfig):
            found += all_keys(node, f"{key}.")
    return found


def refuse_sweeps(overrides: Sequence[Override]) -> None:
    """Refuse several values of a key where only one job runs.

    Raises:
        InputError: For the first key with several values.
    """
    for override in overrides:
        if override.is_sweep_override():
            key = override.key_or_group
            line = str(override.input_line)
            values = line.partition("=")[2]
            raise InputError(
                f"{line} has several values; add -m to run a job for each, or write {key}=[{values}] for a list"
            )


def jobs(composer: Composer, overrides: Sequence[Override]) -> Iterator[list[Override]]:
    """Yield the overrides of each job that can differ in its keys.

    Each choice of a group is a job; of other sweeps the first value is enough.
    """
    values = [_values(override, composer.is_group(override.key_or_group)) for override in overrides]
    for job in product(*values):
        yield parse_overrides(job)


def _values(override: Override, every: bool) -> list[str]:
    """Expand an override into one per choice, or the first value alone."""
    line = str(override.input_line)
    if not override.is_sweep_override():
        return [line]
    key = line.partition("=")[0]
    if not override.is_discrete_sweep():
        interval: Any = override.value()
        return [f"{key}={interval.start}"]
    values = list(override.sweep_string_iterator())
    chosen = values if every else values[:1]
    return [f"{key}={value}" for value in chosen]
