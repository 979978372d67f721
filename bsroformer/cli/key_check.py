"""Check the keys and choices of a command line before anything starts.

Hydra refuses an unknown ``key=value`` and takes any ``+key=value``, which nothing may read. Here both are refused. Keys
can be added where a mapping is open: arguments of a ``_target_``, entries of `OPEN`, and keys of a resumed run.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from bsroformer.cli.composition import Composer, all_keys, child_names, has_key, jobs, node_at, refuse_sweeps
from bsroformer.cli.hydra_values import parse_overrides
from bsroformer.cli.registry import Command
from bsroformer.cli.resolved_config import AUTO, CONFIG_FILE
from bsroformer.cli.schemas.arguments import is_near, parameters
from bsroformer.cli.suggestions import did_you_mean, wrong_choice
from bsroformer.errors import InputError

OPEN = ("callbacks", "model", "hydra.callbacks", "hydra.job.env_set")
"""Mappings that take entries of any name: callbacks and variables are named by the user, and a model's settings are
checked by their own schema."""
MAX_CONFIG_BYTES = 2**20


def check(command: Command, composer: Composer, overrides: Sequence[str], sweep: bool) -> None:
    """Compose each configuration that a command line asks for, and check its keys.

    Args:
        command: The command of the command line.
        composer: Composes it.
        overrides: In Hydra's grammar.
        sweep: Whether sweeps are allowed.

    Raises:
        InputError: For a wrong key or choice, and for a sweep without ``-m``.
    """
    parsed = parse_overrides(overrides)
    if not sweep:
        refuse_sweeps(parsed)
    resumed = _resumed_config(parsed)
    for each in jobs(composer, parsed):
        KeyCheck(command, composer, each, resumed).run()


class KeyCheck:
    """Checks the keys of one job.

    Args:
        command: The command of the job.
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
        """Check all groups and keys.

        Raises:
            InputError: For the first that is wrong.
        """
        self._check_groups()
        groups = [str(each.input_line) for each in self.groups]
        values = [str(each.input_line) for each in self.values]
        tree = self.composer.compose(groups)
        added = [each for each in self.values if self._adds(tree, each)]
        composed = self.composer.compose([*groups, *values]) if values else tree
        for override in added:
            self._check_addition(tree, composed, override)
        for key in composed.hydra.sweeper.get("params") or {}:
            if not has_key(composed, str(key).lstrip("+")) and not self.composer.is_group(str(key)):
                raise self._unknown(composed, str(key), f"hydra.sweeper.params.{key}")

    def _check_groups(self) -> None:
        for override in self.groups:
            group = override.key_or_group
            value = override.value()
            line = str(override.input_line)
            is_whole = override.package is None
            if is_whole and group not in self._choices:
                suggestion = did_you_mean(group, self._choices)
                advice = f"; {suggestion}" if suggestion else ""
                raise InputError(f"{line}: {self.command.shown_name} has no group {group}{advice}")
            if override.is_delete():
                continue
            is_added = override.is_add() or override.is_force_add()
            if is_whole and is_added:
                raise InputError(f"{line}: {self.command.shown_name} has the group {group} already; write it without +")
            names = value if isinstance(value, list) else [value]
            if not all(isinstance(name, str) for name in names):
                raise InputError(wrong_choice(group, line.partition("=")[2], self.composer.options(group)))

    @cached_property
    def _choices(self) -> dict[str, Any]:
        """The command's choice from each group."""
        choices = self.composer.compose([]).hydra.runtime.choices
        return {str(group): choice for group, choice in choices.items()}

    def _adds(self, tree: DictConfig, override: Override) -> bool:
        """Return whether an override adds a key, rather than changing one.

        Raises:
            InputError: If it changes a key that does not exist, or adds one that exists.
        """
        key = override.key_or_group
        line = str(override.input_line)
        value = override.value()
        plus = override.is_add() or override.is_force_add()
        if has_key(tree, key):
            if isinstance(value, dict):
                self._check_entries(tree, key, value, line)
            elif override.is_add() and node_at(tree, key) is not None:
                raise InputError(f"{line}: {key} has a value already; write it without +")
            return False
        if not plus and has_key(self.resumed, key) and not override.is_delete():
            raise InputError(f"{line}: only the resumed run has the key {key}; write +{line}")
        if not plus:
            raise self._unknown(tree, key, line)
        return not has_key(self.resumed, key)

    def _check_entries(self, tree: DictConfig, key: str, value: dict[Any, Any], line: str) -> None:
        """Check the keys in a mapping that is merged into another."""
        if not isinstance(node_at(tree, key), DictConfig) or key in OPEN or key.startswith("model."):
            return
        target = _target(tree, key)
        for name, entry in value.items():
            path = f"{key}.{name}"
            known = has_key(tree, path)
            if not known and (target is None or not parameters(target).take(name)):
                raise self._unknown(tree, path, line)
            if known and isinstance(entry, dict):
                self._check_entries(tree, path, entry, line)

    def _check_addition(self, tree: DictConfig, composed: DictConfig, override: Override) -> None:
        """Check that an added key belongs to a ``_target_`` or an open mapping.

        Raises:
            InputError: If nothing does.
        """
        key = override.key_or_group
        line = str(override.input_line)
        target, name = _taker(tree, composed, key)
        if target is None:
            if _is_open(key) and not key.rpartition(".")[0].startswith("callbacks."):
                return
            raise self._unknown(tree, key, line)
        known = parameters(target)
        if not known.take(name):
            suggestion = did_you_mean(name, known.names)
            advice = f"; {suggestion}" if suggestion else ""
            raise InputError(f"{line}: {target} takes no argument {name}{advice}")

    def _unknown(self, tree: DictConfig, key: str, line: str) -> InputError:
        """Create the error for an unknown key, with suggestions."""
        owner, name = _owner(tree, key)
        arguments = _arguments(tree, owner, name)
        if key == f"{owner}.{name}" and name in arguments:
            return InputError(f"{line}: {key} has no value yet; add it to the configuration with +{line.lstrip('+')}")
        known = all_keys(tree.hydra, "hydra.") if key.startswith("hydra.") else all_keys(tree)
        known += [*self._choices, *(f"{owner}.{each}" for each in arguments)]
        suggestion = did_you_mean(key, known)
        advice = f"`{self.command.line} --help all` lists the keys"
        return InputError(f"{line}: {self.command.shown_name} has no key {key}; {suggestion or advice}")


def _is_open(key: str) -> bool:
    """Return whether a key lies in a mapping that takes any."""
    return any(key.startswith(f"{mapping}.") for mapping in OPEN)


def _owner(tree: DictConfig, key: str) -> tuple[str, str]:
    """Find the innermost mapping that holds a key, and the key's next part there."""
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        owner = ".".join(parts[:length])
        if child_names(node_at(tree, owner)):
            return owner, parts[length]
    return "", parts[0]


def _arguments(tree: DictConfig, owner: str, name: str) -> tuple[str, ...]:
    """List the arguments of a ``_target_``; none if `name` resembles a set key.

    That is a typo, for which nothing needs to be imported.
    """
    siblings = tuple(child_names(node_at(tree, owner)))
    target = _target(tree, owner)
    return () if target is None or is_near(name, siblings) else parameters(target).names


def _taker(tree: DictConfig, composed: DictConfig, key: str) -> tuple[str | None, str]:
    """Find the innermost ``_target_`` that takes an added key, and the argument."""
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        owner = ".".join(parts[:length])
        target = _target(composed, owner)
        if target is not None:
            return target, parts[length]
        if has_key(tree, owner):
            break
    return None, parts[-1]


def _target(tree: DictConfig, key: str) -> str | None:
    node = node_at(tree, key) if key else None
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return None
    return str(node._target_)


def _resumed_config(overrides: Sequence[Override]) -> DictConfig:
    """Read the configuration of the run that ``resume`` names; empty without one.

    Its keys may be given on the command line too.
    """
    given = [override.value() for override in overrides if override.key_or_group == "resume"]
    empty = OmegaConf.create({})
    if not given or not isinstance(given[-1], str) or given[-1] == AUTO:
        return empty
    path = Path(given[-1]).expanduser()
    folder = path.parent.parent if path.suffix else path
    file = folder / CONFIG_FILE
    try:
        if file.stat().st_size > MAX_CONFIG_BYTES:
            return empty
        tree = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeError, ValueError, yaml.YAMLError):  # reported where the run is resumed
        return empty
    return OmegaConf.create(tree) if isinstance(tree, dict) else empty
