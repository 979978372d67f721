"""Config folders and choices of a command line, for help and completion."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bsroformer.cli import flags
from bsroformer.cli.config_tree import options_of
from bsroformer.installation import CONFIGS


def config_folders(words: Sequence[str]) -> list[Path]:
    """The folders of configs that a command line uses; those that exist."""
    first = flags.value_of(words, "-cp", "--config-path")
    added = flags.value_of(words, "-cd", "--config-dir")
    folders = [Path(first) if first else CONFIGS, *([Path(added)] if added else [])]
    return [folder for folder in folders if folder.is_dir()]


def given_choices(words: Sequence[str], folders: Sequence[Path]) -> dict[str, Any]:
    """The options of groups that a command line gives."""
    pairs = [word.removeprefix("--").partition("=") for word in words if "=" in word]
    pairs += [(word.removeprefix("--"), "=", value) for word, value in pairwise(words) if word.startswith("--")]
    return {group: _option(value) for group, _, value in pairs if group.isidentifier() and options_of(group, folders)}


def _option(text: str) -> Any:
    if text == "null":
        return None
    return text.strip("[]").split(",") if text.startswith("[") else text
