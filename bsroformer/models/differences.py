"""Where weights and settings disagree, and what to tell of it."""

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

LONGEST_KEY = 100
"""Characters of a tensor's name in a message; those of models have up to 60."""


@dataclass(frozen=True)
class OptionDifference:
    """A constructor argument that is not what the weights need.

    Attributes:
        option: Its name.
        configured: Its value in the configuration, or its default there.
        needed: What the weights need.
        place: Where it stands.
    """

    option: str
    configured: Any
    needed: Any
    place: str

    def __str__(self) -> str:
        configured, needed = shown(self.configured), shown(self.needed)
        return f"{self.place} is {configured} and must be {needed}"


@dataclass(frozen=True)
class KeyDifference:
    """A key whose tensor is missing, unknown or of another shape; None where there is none."""

    key: str
    expected: Shape | None
    found: Shape | None

    def __str__(self) -> str:
        key = shortened(self.key, LONGEST_KEY)
        if self.found is None:
            return f"{key} is missing (expected shape {self.expected})"
        if self.expected is None:
            return f"{key} is unknown (found shape {self.found})"
        return f"{key} has shape {self.found} (expected {self.expected})"


@dataclass(frozen=True)
class ConfigFault:
    """What makes a configuration one of no model, in words."""

    message: str

    def __str__(self) -> str:
        return self.message


Difference = OptionDifference | KeyDifference | ConfigFault


def compare_keys(expected: Mapping[str, Shape], found: Mapping[str, Shape]) -> list[KeyDifference]:
    """Every key on which two models differ, in the order of the expected ones."""
    keys = [*expected, *(key for key in found if key not in expected)]
    differences = (KeyDifference(key, expected.get(key), found.get(key)) for key in keys)
    return [difference for difference in differences if difference.expected != difference.found]


def disagreement(differences: Sequence[Difference], path: Path, config: YamlFile | None) -> InputError:
    """What to tell when weights and configuration, or the weights themselves, do not fit together."""
    for each in differences:
        if isinstance(each, ConfigFault):
            return InputError(str(each))
    by_option = [each for each in differences if isinstance(each, OptionDifference)]
    by_key = [each for each in differences if isinstance(each, KeyDifference)]
    told = "; ".join(in_a_sentence(each, most) for each, most in ((by_option, 10), (by_key, 3)) if each)
    if config is None:
        return InputError(f"{path} is not whole, or of another model: {told}")
    return InputError(
        f"{path} does not fit its configuration {config.path}: {told}; "
        "change these lines, or give the YAML that belongs to the weights as config=..."
    )


def shown(value: Any) -> str:
    """A value as YAML has it; a list of bands as runs of equal widths."""
    if isinstance(value, tuple):
        runs = [(len(list(same)), width) for width, same in groupby(value)]
        listed = ", ".join(f"{width} x {count}" if count > 1 else f"{width}" for count, width in runs[:12])
        return f"{len(value)} bands, {sum(value)} bins ({listed}{', ...' if len(runs) > 12 else ''})"
    return json.dumps(value)


def in_a_sentence(differences: Sequence[Difference], most: int) -> str:
    """The first of a list, and how many more there are."""
    told = "; ".join(str(difference) for difference in differences[:most])
    more = len(differences) - most
    return told + (f"; and {more} more" if more > 0 else "")
