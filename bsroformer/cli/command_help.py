"""The help of a command, from the comments in its configs."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.text import Text

from bsroformer.cli import flags
from bsroformer.cli.config_file import ConfigFile, read_config_file
from bsroformer.cli.config_folders import config_folders, given_choices
from bsroformer.cli.config_tree import ConfigTree, Key, options_of, read_config_tree
from bsroformer.cli.registry import Command
from bsroformer.invocation import as_called

WIDTH = 120
INDENT = 2
NAME_WIDTH = 34
"""Columns of the longest names; the explanation of a longer one begins below it."""
MISSING = "???"
"""What a config has for a key that must be given."""
ENVIRONMENT = re.compile(r"\$\{oc\.env:(\w+),(.+)\}")
HYDRA_OPTIONS = (
    ("-m, --multirun", "run a job for each of several values: key=a,b"),
    ("--cfg job", "print the configuration, and run nothing"),
    ("--config-dir FOLDER", "add a folder of your own configs"),
    ("--config-path FOLDER", "use this folder of configs in place of the program's"),
    ("--hydra-help", "all options of Hydra"),
    ("--version", "the versions of this program, PyTorch and Python"),
)


def print_help(command: Command, words: Sequence[str]) -> None:
    """Print how to use a command, with its keys.

    Args:
        command: Which.
        words: Of the command line; the choices of groups among them count.
    """
    folders = config_folders(words)
    choices = given_choices(words, folders)
    tree = read_config_tree(flags.value_of(words, "-cn", "--config-name") or command.root, folders, choices)
    console = Console(highlight=False, markup=False)
    width = min(console.width, WIDTH)
    for line in (
        *_introduction(command, tree.root, width),
        *_sections(tree, folders, width),
        *_options(command, width),
    ):
        console.print(line, soft_wrap=True)


def _introduction(command: Command, root: ConfigFile, width: int) -> Iterator[Text]:
    """The description, the examples and the notes at the top of the root config."""
    yield Text(_usage(command), "bold")
    for is_blank, lines in groupby(root.header, lambda line: not line.strip()):
        if is_blank:
            continue
        paragraph = list(lines)
        yield Text()
        if paragraph[0].startswith(" "):
            yield from (Text(as_called(line), "cyan") for line in paragraph)
        else:
            yield from map(Text, wrap(as_called(" ".join(paragraph)), width, break_on_hyphens=False))


def _usage(command: Command) -> str:
    action = " [ACTION]" if command.actions else ""
    files = {"input": " SONG...", "ckpt": " CHECKPOINT..."}.get(command.positional or "", "")
    return f"Usage: {command.line}{action}{files} [--key value | key=value]..."


def _sections(tree: ConfigTree, folders: Sequence[Path], width: int) -> Iterator[Text]:
    """The keys of the root config, then for each group its choices and keys."""
    shown = [key for key in tree.leaves if not key.is_internal]
    for title, keys in groupby((key for key in shown if not key.group), lambda key: key.entry.section):
        yield from _titled(title or "Keys", _keys(keys, width))
    for group, choice in tree.choices.items():
        options = options_of(group, folders)
        rows = [*_choices(options, width)] if len(options) > 1 or choice is None else []
        rows += _keys((key for key in shown if key.group == group), width)
        if rows:
            yield from _titled(f"{group}={_choice_text(choice)}", rows)


def _titled(title: str, rows: Iterable[Text]) -> Iterator[Text]:
    yield Text()
    yield Text(title, "bold")
    yield from rows


def _choice_text(choice: Any) -> str:
    if choice is None:
        return "null"
    return f"[{','.join(map(str, choice))}]" if isinstance(choice, list) else str(choice)


def _choices(options: Mapping[str, Path], width: int) -> Iterator[Text]:
    return _rows(((name, "green", read_config_file(path).summary) for name, path in options.items()), width)


def _keys(keys: Iterable[Key], width: int) -> Iterator[Text]:
    return _rows(((key.name, "cyan", explanation(key)) for key in keys), width)


def explanation(key: Key) -> str:
    """Join the comment of a key and its default."""
    value = default_of(key)
    note = "(must be given)" if value == MISSING else f"(default: {value})" if value else ""
    return " ".join(part for part in (key.entry.comment, note) if part)


def default_of(key: Key) -> str:
    """Return the default of a key as written; empty if it is long."""
    text = key.entry.text
    environment = ENVIRONMENT.fullmatch(text)
    if environment is not None:
        name = environment[1]
        otherwise = environment[2].strip("'")
        return f"${name}" if otherwise == "null" else f"${name}, or {otherwise}"
    return "" if "${" in text else text


def _options(command: Command, width: int) -> Iterator[Text]:
    kind = "FILE" if command.name == "checkpoint" else "FOLDER"
    output = [] if command.output is None else [(f"-o {kind}", f"the same as --{command.output}")]
    yield from _titled("Options", _rows(((name, "cyan", text) for name, text in (*output, *HYDRA_OPTIONS)), width))


def _rows(rows: Iterable[tuple[str, str, str]], width: int) -> Iterator[Text]:
    """Lay out names with their explanations beside or below them."""
    listed = list(rows)
    column = min(max((len(name) for name, _, _ in listed), default=0), NAME_WIDTH)
    beside = " " * (column + 2 * INDENT)
    for name, style, text in listed:
        lines = wrap(as_called(text), width - len(beside), break_long_words=False, break_on_hyphens=False)
        first = lines.pop(0) if lines and len(name) <= column else ""
        yield Text.assemble(" " * INDENT, (name, style), " " * (column - len(name) + INDENT) if first else "", first)
        yield from (Text(beside + line) for line in lines)
