"""Config folders and choices of a command line, for help and completion."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bsroformer.cli import flags
from bsroformer.cli.config_tree import options_of
from bsroformer.installation import CONFIGS


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
