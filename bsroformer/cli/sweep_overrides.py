"""Overrides of the jobs of a sweep (``-m``) whose keys and choices differ."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from hydra.core.override_parser.types import Override

from bsroformer.cli.composition import Composer
from bsroformer.cli.hydra_values import parse_overrides
from bsroformer.errors import InputError


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
