"""Refuse keys and choices that the configuration does not know, with the nearest names, before anything starts.

Hydra refuses an unknown ``key=value`` and takes any ``+key=value``, which nothing may read. Here both are refused. Keys
can be added where a mapping is open: arguments of a ``_target_``, entries of `OPEN`, and what a resumed run has.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from bsroformer.cli.commands import Command
from bsroformer.cli.composition import Composer, all_keys, child_names, has_key, node_at, wrong_choice
from bsroformer.cli.suggestions import did_you_mean
from bsroformer.cli.targets import is_near, parameters
from bsroformer.cli.values import parse_overrides
from bsroformer.errors import InputError
from bsroformer.launch.config import AUTO, CONFIG_FILE

OPEN = ("callbacks", "model", "hydra.callbacks", "hydra.job.env_set")
"""Mappings that take entries of any name: callbacks and variables are named by the user, and a model's settings are
checked by their own schema."""
MAX_CONFIG_BYTES = 2**20


def check(command: Command, composer: Composer, overrides: Sequence[str], sweep: bool) -> None:
    """Compose each configuration that a command line asks for, and check its keys.

    Args:
        command: Whose command line it is.
        composer: Composes it.
        overrides: In Hydra's grammar.
        sweep: Whether sweeps are allowed.

    Raises:
        InputError: For a wrong key or choice, and for a sweep without ``-m``.
    """
    parsed = parse_overrides(overrides)
    if not sweep:
        _refuse_sweeps(parsed)
    resumed = _resumed_config(parsed)
    for each in _jobs(composer, parsed):
        KeyCheck(command, composer, each, resumed).run()


class KeyCheck:
    """Checks the keys of one job.

    Args:
        command: Whose job it is.
        composer: Composes its configuration.
        overrides: Without sweeps.
        resumed: The configuration of the run that is resumed.
    """

    def __init__(
        self, command: Command, composer: Composer, overrides: Sequence[Override], resumed: DictConfig
    ) -> None:
        self.command = command
        self.composer = composer
        self.groups = [each for each in overrides if composer.is_group(each.key_or_group)]
        self.values = [each for each in overrides if not composer.is_group(each.key_or_group)]
        self.resumed = resumed

    def run(self) -> None:
        """Check all.

        Raises:
            InputError: For the first that is wrong.
        """
        self._check_groups()
        tree = self.composer.compose([str(each.input_line) for each in self.groups])
        for override in self.values:
            self._check_value(tree, override)
        composed = tree
        if self.values:
            composed = self.composer.compose([str(each.input_line) for each in (*self.groups, *self.values)])
        for override in self.values:
            self._check_addition(tree, composed, override)
        for key in composed.hydra.sweeper.get("params") or {}:
            if not has_key(composed, str(key).lstrip("+")) and not self.composer.is_group(str(key)):
                raise self._unknown(composed, str(key), f"hydra.sweeper.params.{key}")

    def _check_groups(self) -> None:
        for override in self.groups:
            group, value, line = override.key_or_group, override.value(), str(override.input_line)
            if override.package is None and group not in self._choices:
                near = did_you_mean(group, self._choices)
                advice = f"; {near}" if near else ""
                raise InputError(f"{line}: {self.command.name} has no group {group}{advice}")
            if override.is_delete():
                continue
            if override.package is None and (override.is_add() or override.is_force_add()):
                raise InputError(f"{line}: {group} is a choice that {self.command.name} has; write it without +")
            names = value if isinstance(value, list) else [value]
            if not all(isinstance(name, str) for name in names):
                raise InputError(wrong_choice(group, line.partition("=")[2], self.composer.options(group)))

    @cached_property
    def _choices(self) -> dict[str, Any]:
        """What the command chooses from each group."""
        choices = self.composer.compose([]).hydra.runtime.choices
        return {str(group): choice for group, choice in choices.items()}

    def _check_value(self, tree: DictConfig, override: Override) -> None:
        key, line = override.key_or_group, str(override.input_line)
        if has_key(tree, key):
            if override.is_add() and node_at(tree, key) is not None and not isinstance(override.value(), dict | list):
                raise InputError(f"{line}: {key} has a value already; write it without +")
            return
        adds = override.is_add() or override.is_force_add()
        if adds and (has_key(self.resumed, key) or self._extends(tree, key)):
            return
        raise self._unknown(tree, key, line)

    def _extends(self, tree: DictConfig, key: str) -> bool:
        """Whether a new key lies in a mapping that is open, or belongs to what has a ``_target_``."""
        owner, name = _owner(tree, key)
        if _is_open(key):
            return True
        target = _target(tree, owner)
        return target is not None and parameters(target).take(name)

    def _check_addition(self, tree: DictConfig, composed: DictConfig, override: Override) -> None:
        """Check an added argument of something that the command line itself adds, such as a callback."""
        key = override.key_or_group
        owner, _, name = key.rpartition(".")
        if override.is_delete() or has_key(tree, key) or has_key(self.resumed, key):
            return
        target = _target(composed, owner)
        if target is None and owner.startswith("callbacks."):
            raise self._unknown(tree, key, str(override.input_line))
        if target is None or parameters(target).take(name):
            return
        near = did_you_mean(name, parameters(target).names)
        advice = f"; {near}" if near else ""
        raise InputError(f"{override.input_line}: {target} takes no argument {name}{advice}")

    def _unknown(self, tree: DictConfig, key: str, line: str) -> InputError:
        """The error for a key that is not known, with what may have been meant."""
        owner, name = _owner(tree, key)
        target = _target(tree, owner)
        siblings = tuple(child_names(node_at(tree, owner)))
        arguments: tuple[str, ...] = ()
        if target is not None and not is_near(
            name, siblings
        ):  # else it is a typing error: nothing needs to be imported
            arguments = parameters(target).names
        if key == f"{owner}.{name}" and name in arguments:
            return InputError(f"{line}: {key} has no value yet; add it to the configuration with +{line.lstrip('+')}")
        known = all_keys(tree.hydra, "hydra.") if key.startswith("hydra.") else all_keys(tree)
        near = did_you_mean(key, [*known, *self._choices, *(f"{owner}.{each}" for each in arguments)])
        return InputError(f"{line}: {self.command.name} has no key {key}; {near or '--help lists the keys'}")


def _is_open(key: str) -> bool:
    """Whether a key lies in a mapping that takes any."""
    return any(key.startswith(f"{mapping}.") for mapping in OPEN)


def _owner(tree: DictConfig, key: str) -> tuple[str, str]:
    """The innermost mapping of a tree that a key lies in, and the key's next part there."""
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        owner = ".".join(parts[:length])
        if child_names(node_at(tree, owner)):
            return owner, parts[length]
    return "", parts[0]


def _target(tree: DictConfig, key: str) -> str | None:
    node = node_at(tree, key) if key else None
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return None
    return str(node._target_)


def _refuse_sweeps(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override():
            key, line = override.key_or_group, str(override.input_line)
            values = line.partition("=")[2]
            raise InputError(
                f"{line} has several values; add -m to run a job for each, or write {key}=[{values}] for a list"
            )


def _jobs(composer: Composer, overrides: Sequence[Override]) -> Iterator[list[Override]]:
    """The overrides of jobs: all choices of groups, and of other sweeps the first value."""
    lines = [_values(override, composer.is_group(override.key_or_group)) for override in overrides]
    for job in product(*lines):
        yield parse_overrides(job)


def _values(override: Override, every: bool) -> list[str]:
    """An override without its sweep: one for each choice, or for the first alone."""
    line = str(override.input_line)
    if not override.is_sweep_override():
        return [line]
    key = line.partition("=")[0]
    if not override.is_discrete_sweep():
        interval: Any = override.value()
        return [f"{key}={interval.start}"]
    values = override.sweep_string_iterator()
    return [f"{key}={value}" for value in (values if every else [next(values)])]


def _resumed_config(overrides: Sequence[Override]) -> DictConfig:
    """The configuration of the run that ``resume`` names, whose keys can be given too; empty if there is none."""
    given = [override.value() for override in overrides if override.key_or_group == "resume"]
    empty = OmegaConf.create({})
    if not given or not isinstance(given[-1], str) or given[-1] == AUTO:
        return empty
    place = Path(given[-1]).expanduser()
    folder = place.parent.parent if place.suffix else place
    try:
        file = folder / CONFIG_FILE
        tree = yaml.safe_load(file.read_text("utf-8")) if file.stat().st_size <= MAX_CONFIG_BYTES else {}
    except (OSError, UnicodeError, ValueError, yaml.YAMLError):  # which is reported where the run is resumed
        return empty
    return OmegaConf.create(tree) if isinstance(tree, dict) else empty
