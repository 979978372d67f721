"""The help of the program, and of a command from the comments in its configs."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

from rich.table import Table
from rich.text import Text

from bsroformer.cli import flags
from bsroformer.cli.config_file import ConfigFile, read_config_file
from bsroformer.cli.config_tree import ConfigTree, Key, config_folders, given_choices, options_of, read_config_tree
from bsroformer.cli.console import terminal
from bsroformer.cli.registry import INSTALLED, OTHER_COMMANDS, Command
from bsroformer.invocation import as_called, program_line

WIDTH = 120
INDENT = 2
NAME_WIDTH = 34
"""Columns of the longest names; the explanation of a longer name is below it."""
POSITIONAL = {"input": "SONG...", "ckpt": "CHECKPOINT..."}
"""Bare arguments by the key that they set."""
MISSING = "???"
"""The value of a key that must be given."""
ENVIRONMENT = re.compile(r"\$\{oc\.env:(\w+),(.+)\}")
HYDRA_OPTIONS = (
    ("-m, --multirun", "run a job for each of several values: key=a,b"),
    ("--cfg job", "print the configuration, and run nothing"),
    ("--config-dir FOLDER", "add a folder of your own configs"),
    ("--config-path FOLDER", "use this folder of configs in place of the program's"),
    ("--hydra-help", "all options of Hydra"),
    ("--version", "the versions of this program, PyTorch and Python"),
)
EXAMPLES = (
    "train experiment=demo",
    "train model=lite trainer=rtx3050 data=musdb7 --data.root songs",
    "separate song.mp3 other.flac --ckpt best.ckpt --two-stems vocals -o out",
    "evaluate --ckpt best.ckpt data=musdb18hq --data.root musdb18hq",
)


def print_help(command: Command, words: Sequence[str]) -> None:
    """Print how to use a command, with its keys.

    Args:
        command: The command.
        words: The command line, whose choices of groups are shown.
    """
    folders = config_folders(words)
    choices = given_choices(words, folders)
    root = flags.value_of(words, "-cn", "--config-name") or command.root
    tree = read_config_tree(root, folders, choices)
    console = terminal()
    width = min(console.width, WIDTH)
    introduction = _introduction(command, tree.root, width)
    for line in chain(introduction, _sections(tree, folders, width), _options(command, width)):
        console.print(line)


def _introduction(command: Command, root: ConfigFile, width: int) -> Iterator[Text]:
    """The description, the examples and the notes at the top of the root config."""
    yield Text(_usage(command, root), "bold")
    for is_blank, lines in groupby(root.header, lambda line: not line.strip()):
        if is_blank:
            continue
        paragraph = list(lines)
        yield Text()
        if paragraph[0].startswith(" "):
            yield from (Text(as_called(line), "cyan") for line in paragraph)
        else:
            yield from map(Text, wrap(as_called(" ".join(paragraph)), width, break_on_hyphens=False))


def _usage(command: Command, root: ConfigFile) -> str:
    words = [command.line]
    if command.actions:
        words.append("[ACTION]")
    if command.positional is not None:
        files = POSITIONAL[command.positional]
        is_required = (command.positional, MISSING) in [(entry.key, entry.text) for entry in root.entries]
        words.append(files if is_required else f"[{files}]")
    return f"Usage: {' '.join(words)} [--key value | key=value]..."


def _sections(tree: ConfigTree, folders: Sequence[Path], width: int) -> Iterator[Text]:
    """The keys of the root config, then for each group its choices and keys."""
    shown = [key for key in tree.leaves if not key.is_internal]
    without_group = [key for key in shown if not key.group]
    for title, keys in groupby(without_group, lambda key: key.entry.section):
        yield from _titled(title or "Keys", _keys(keys, width))
    for group, choice in tree.choices.items():
        options = options_of(group, folders)
        rows: list[Text] = []
        if len(options) > 1 or choice is None:
            rows += _choices(options, width)
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
    note = f"(default: {value})" if value not in ("", "null") else ""
    if value == MISSING:
        note = "(required)"
    return " ".join(filter(None, (key.entry.comment, note)))


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
    options = list(HYDRA_OPTIONS)
    if command.output is not None:
        kind = "FILE" if command.name == "checkpoint" else "FOLDER"
        options.insert(0, (f"-o {kind}", f"the same as --{command.output}"))
    rows = [(name, "cyan", text) for name, text in options]
    yield from _titled("Options", _rows(rows, width))


def _rows(rows: Iterable[tuple[str, str, str]], width: int) -> Iterator[Text]:
    """Lay out names with their explanations beside or below them."""
    rows = list(rows)
    longest = max((len(name) for name, _, _ in rows), default=0)
    column = min(longest, NAME_WIDTH)
    indent = " " * INDENT
    beside = indent + " " * column + indent
    for name, style, text in rows:
        lines = wrap(as_called(text), width - len(beside), break_long_words=False, break_on_hyphens=False)
        first = ""
        if lines and len(name) <= column:
            first = " " * (column - len(name)) + indent + lines.pop(0)
        yield Text.assemble(indent, (name, style), first)
        yield from (Text(beside + line) for line in lines)


def print_overview() -> None:
    """Print the commands, with examples and further help."""
    program = program_line()
    console = terminal()
    commands = Table.grid(padding=(0, 2))
    for name, command in INSTALLED.items():
        commands.add_row(Text(f"  {name}", "cyan"), command.summary)
    for name, summary in OTHER_COMMANDS.items():
        commands.add_row(Text(f"  {name}", "cyan"), summary)
    console.print(Text(f"Usage: {program} COMMAND [--key value | key=value]...", "bold"))
    console.print("\nSeparate music into its stems, and train the model that does it.\n")
    console.print(commands, soft_wrap=False)
    console.print()
    for example in EXAMPLES:
        console.print(f"  {program} {example}")
    console.print(
        f"\n{program} COMMAND --help explains every key; {program} --version prints the versions.\n"
        f'To complete commands and keys with TAB in bash: eval "$({program} completion bash)"'
    )
