"""Differences between weights and settings, and the error that reports them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.models.problems import shortened
from bsroformer.models.public_yaml import YamlFile
from bsroformer.models.tensor_slot import Shape

MAX_KEY_SHOWN = 100
"""Characters of a tensor's name in a message; those of models have up to 60."""
MAX_OPTIONS_NAMED = 10
MAX_KEYS_NAMED = 3
MAX_RUNS_SHOWN = 12
"""Runs of bands of equal width in a message."""


@dataclass(frozen=True)
class OptionDifference:
    """A constructor argument that contradicts the weights.

    Attributes:
        option: Its name.
        configured: Its value in the configuration, or its default.
        needed: The value that fits the weights.
        place: Its key, file and line.
    """

    option: str
    configured: Any
    needed: Any
    place: str

    def __str__(self) -> str:
        return f"{self.place} is {format_value(self.configured)} and must be {format_value(self.needed)}"


@dataclass(frozen=True)
class KeyDifference:
    """A key whose tensor is missing, unknown or of another shape.

    Attributes:
        key: The name of the tensor.
        expected: Its shape in the model; None if it is unknown.
        found: Its shape in the file; None if it is missing.
    """

    key: str
    expected: Shape | None
    found: Shape | None

    def __str__(self) -> str:
        key = shortened(self.key, MAX_KEY_SHOWN)
        if self.found is None:
            return f"{key} is missing (expected shape {self.expected})"
        if self.expected is None:
            return f"{key} is unknown (found shape {self.found})"
        return f"{key} has shape {self.found} (expected {self.expected})"


@dataclass(frozen=True)
class ConfigFault:
    """A sentence on a configuration that does not describe a model."""

    message: str

    def __str__(self) -> str:
        return self.message


Difference = OptionDifference | KeyDifference | ConfigFault


def compare_keys(expected: Mapping[str, Shape], found: Mapping[str, Shape]) -> list[KeyDifference]:
    """List the keys that differ between two models, expected ones first."""
    unexpected = [key for key in found if key not in expected]
    keys = [*expected, *unexpected]
    differences = (KeyDifference(key, expected.get(key), found.get(key)) for key in keys)
    return [difference for difference in differences if difference.expected != difference.found]


def disagreement(differences: Sequence[Difference], path: Path, config: YamlFile | None) -> InputError:
    """Build the error for weights that do not fit the model or their configuration."""
    for each in differences:
        if isinstance(each, ConfigFault):
            return InputError(str(each))
    by_option = [each for each in differences if isinstance(each, OptionDifference)]
    by_key = [each for each in differences if isinstance(each, KeyDifference)]
    parts = []
    if by_option:
        parts.append(summarize(by_option, MAX_OPTIONS_NAMED))
    if by_key:
        parts.append(summarize(by_key, MAX_KEYS_NAMED))
    summary = "; ".join(parts)
    if config is None:
        return InputError(f"{path} is incomplete, or of another model: {summary}")
    return InputError(
        f"{path} does not fit its configuration {config.path}: {summary}; "
        "change these lines, or give the YAML that belongs to the weights as config=..."
    )


def format_value(value: Any) -> str:
    """Format a value as in YAML; a list of bands as runs of equal widths."""
    if not isinstance(value, tuple):
        return json.dumps(value)
    runs = [(len(list(same)), width) for width, same in groupby(value)]
    listed = [_run(count, width) for count, width in runs[:MAX_RUNS_SHOWN]]
    if len(runs) > MAX_RUNS_SHOWN:
        listed.append("...")
    return f"{len(value)} bands, {sum(value)} bins ({', '.join(listed)})"


def _run(count: int, width: int) -> str:
    return f"{width} x {count}" if count > 1 else f"{width}"


def summarize(differences: Sequence[Difference], most: int) -> str:
    """Join the first differences, and count the others."""
    summary = "; ".join(str(difference) for difference in differences[:most])
    more = len(differences) - most
    if more > 0:
        return f"{summary}; and {more} more"
    return summary
