"""The keys of a command with their explanations, without Hydra.

This is for help, completion and the spelling of switches, which must not wait for Hydra: only Hydra composes what a
command works with. A test holds the keys and choices found here against those of Hydra.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from bsroformer.cli import flags
from bsroformer.cli.config_file import ConfigFile, Entry, read_config_file
from bsroformer.cli.suggestions import wrong_choice
from bsroformer.errors import InputError
from bsroformer.installation import CONFIGS

HYDRA = "hydra"
OVERRIDE = "override "
PASSED_ON = re.compile(r"\$\{[\w.]+\}")
"""The value of a key that only passes on that of another."""
PATHS = (
    "input",
    "output",
    "ckpt",
    "config",
    "estimates",
    "ckpt_path",
    "resume",
    "init_from",
    "init_config",
    "data.root",
    "data.pack",
    "data.extra",
    "paths.output_dir",
)
"""Keys that hold paths of files or folders; ``~`` is the home folder."""
PATH_KEYS = (*PATHS, "paths.runs_dir", "paths.cache_dir")


@dataclass(frozen=True)
class Key:
    """A key of a command.

    Attributes:
        name: With dots.
        group: The group of configs that it comes from; empty for the root config.
        entry: Its value and explanation.
    """

    name: str
    group: str
    entry: Entry

    @property
    def is_switch(self) -> bool:
        """Return whether its value is true or false."""
        return isinstance(self.entry.value, bool)

    @property
    def is_internal(self) -> bool:
        """Return whether users do not set it: it repeats another key or is Hydra's."""
        is_hydras = self.name.rpartition(".")[2].startswith("_")
        is_passed_on = PASSED_ON.fullmatch(self.entry.text) and not self.entry.comment
        return is_hydras or bool(is_passed_on)


@dataclass
class ConfigTree:
    """The keys and choices of a command, in the order of the files."""

    root: ConfigFile
    keys: dict[str, Key] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=dict)

    @property
    def leaves(self) -> list[Key]:
        """The keys that have values."""
        return [key for key in self.keys.values() if key.entry.is_leaf]

    @property
    def switches(self) -> set[str]:
        """The keys that are true or false."""
        return {key.name for key in self.leaves if key.is_switch}


def read_config_tree(root: str, folders: Sequence[Path], choices: Mapping[str, Any] | None = None) -> ConfigTree:
    """Read the files of a root config.

    Args:
        root: Its name.
        folders: Of configs; a file is taken from the first that has it.
        choices: Options of groups, in place of those of the defaults lists.

    Raises:
        InputError: For a choice that its group does not have.
    """
    overrides = dict(choices or {})
    while True:
        reader = _TreeReader(folders, overrides)
        tree = reader.read(root)
        if reader.overridden.keys() <= overrides.keys():
            return tree
        overrides = {**reader.overridden, **overrides}


def options_of(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """The files of a group by name; the first folder that has one counts."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in (folder / group).glob("*.yaml"):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


class _TreeReader:
    """Reads the files of a defaults list, and of theirs.

    Args:
        folders: Of configs.
        overrides: By group, the option that replaces that of a defaults list.
    """

    def __init__(self, folders: Sequence[Path], overrides: Mapping[str, Any]) -> None:
        self.folders = folders
        self.overrides = overrides
        self.overridden: dict[str, Any] = {}

    def read(self, root: str) -> ConfigTree:
        self.tree = ConfigTree(self._file("", root))
        self._add_file("", root, package="", top="", is_package_given=True)
        return self.tree

    def _file(self, group: str, name: str) -> ConfigFile:
        place = Path(group) / f"{name}.yaml"
        path = next((folder / place for folder in self.folders if (folder / place).is_file()), None)
        if path is None:
            raise InputError(wrong_choice(group or "--config-name", name, [*options_of(group, self.folders)]))
        return read_config_file(path)

    def _add_file(self, group: str, name: str, package: str, top: str, is_package_given: bool) -> None:
        file = self._file(group, name)
        if file.package is not None and not is_package_given:
            package = "" if file.package == "_global_" else file.package
        defaults = list(file.defaults)
        if "_self_" not in defaults:
            defaults.append("_self_")
        self._add_overrides(file, group)  # before those of the files that it names, over which they win
        for default in defaults:
            if default == "_self_":
                self._add_entries(file, package, top)
            elif isinstance(default, str):
                self._add_default(default, None, group, package, top)
            elif isinstance(default, dict):
                for key, option in default.items():
                    self._add_default(str(key), option, group, package, top, chosen=True)

    def _add_overrides(self, file: ConfigFile, group: str) -> None:
        """Note the options that a file of a group sets in place of those of other files."""
        for default in file.defaults:
            for key, option in default.items() if isinstance(default, dict) else ():
                if str(key).startswith(OVERRIDE):
                    path = _path_of(str(key).removeprefix(OVERRIDE), group)
                    self.overridden.setdefault(path, option)

    def _add_default(self, key: str, option: Any, parent: str, package: str, top: str, chosen: bool = False) -> None:
        """Add what an entry of a defaults list names, in a file of the group `parent`."""
        if key.startswith(OVERRIDE):
            return
        place, at, given = key.removeprefix("optional ").partition("@")
        is_absolute = place.startswith("/")
        path = _path_of(place, parent)
        if not chosen:
            path, _, option = path.rpartition("/")
            place = place.rpartition("/")[0]
        if path.split("/")[0] == HYDRA:
            return
        if chosen:
            option = self.overrides.get(path, option)
            self.tree.choices[path] = option
        base = "" if is_absolute else package
        inner = {"_here_": package, "_global_": ""}.get(given, _joined(base, given if at else place.replace("/", ".")))
        for each in option if isinstance(option, list) else [option]:
            if each is not None:
                self._add_file(path, str(each), inner, top or path.split("/")[0], is_package_given=bool(at))

    def _add_entries(self, file: ConfigFile, package: str, top: str) -> None:
        for entry in file.entries:
            name = _joined(package, entry.key)
            if name.split(".")[0] == HYDRA:
                continue
            known = self.tree.keys.get(name)
            if known is not None and entry.is_leaf:
                self._remove_below(name)
            if known is None:
                self.tree.keys[name] = Key(name, top, entry)
            else:
                kept = known.entry
                comment = entry.comment or kept.comment
                self.tree.keys[name] = replace(known, entry=replace(entry, comment=comment, section=kept.section))

    def _remove_below(self, name: str) -> None:
        """Remove the keys below one that has a value now."""
        for key in [key for key in self.tree.keys if key.startswith(f"{name}.")]:
            del self.tree.keys[key]


def _path_of(place: str, parent: str) -> str:
    """The group that an entry of a defaults list in the group `parent` names."""
    is_absolute = place.startswith("/")
    return place.strip("/") if is_absolute or not parent else f"{parent}/{place}"


def _joined(package: str, name: str) -> str:
    return ".".join(part for part in (package, name.strip("/").strip(".")) if part)


def config_folders(words: Sequence[str]) -> list[Path]:
    """The folders of configs that a command line uses; those that exist."""
    first = flags.value_of(words, "-cp", "--config-path") or CONFIGS
    added = flags.value_of(words, "-cd", "--config-dir")
    folders = [Path(first)]
    if added:
        folders.append(Path(added))
    return [folder for folder in folders if folder.is_dir()]


def given_choices(words: Sequence[str], folders: Sequence[Path]) -> dict[str, Any]:
    """The options of groups that a command line gives."""
    choices = {}
    for key, value in _assignments(words):
        if key.isidentifier() and options_of(key, folders):
            choices[key] = _choice(value)
    return choices


def _assignments(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        key, equals, value = word.removeprefix("--").partition("=")
        if equals:
            yield key, value
    for word, value in pairwise(words):
        if word.startswith("--"):
            yield word.removeprefix("--"), value


def _choice(text: str) -> Any:
    if text == "null":
        return None
    if text.startswith("["):
        return text.strip("[]").split(",")
    return text
