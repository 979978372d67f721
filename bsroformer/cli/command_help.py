"""The help of a command, from the comments in its configs.

``--help`` explains the keys of the root config and lists the groups; ``--help TOPIC`` explains a group or a key.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from textwrap import wrap
from typing import Any

from rich.text import Text

from bsroformer.cli import flags
from bsroformer.cli.config_file import ConfigFile, read_config_file
from bsroformer.cli.config_tree import ConfigTree, Key, config_folders, given_choices, options_of, read_config_tree
from bsroformer.cli.console import terminal
from bsroformer.cli.registry import Command
from bsroformer.cli.suggestions import did_you_mean
from bsroformer.errors import InputError
from bsroformer.invocation import as_called

WIDTH = 120
INDENT = 2
NAME_WIDTH = 34
"""Columns of the longest names; the explanation of a longer name is below it."""
POSITIONAL = {"input": "SONG...", "ckpt": "CHECKPOINT..."}
"""Bare arguments by the key that they set."""
MISSING = "???"
"""The value of a key that must be given."""
ENVIRONMENT = re.compile(r"\$\{oc\.env:(\w+),(.+)\}")
GROUPS_NOTE = (
    "GROUP=CHOICE selects a file of configs. `{line} --help GROUP` explains the choices and keys of a group, "
    "`--help KEY` one key, and `--help all` everything."
)
OPTIONS = (
    ("-h, --help [TOPIC]", "explain this command, a group, a key, or all"),
    ("-m, --multirun", "run a job for each of several values: key=a,b"),
    ("--cfg job", "print the configuration, and run nothing"),
    ("--config-dir FOLDER", "add a folder of your own configs"),
    ("--config-path FOLDER", "use this folder of configs in place of the program's"),
    ("--hydra-help", "all options of Hydra"),
    ("--version", "the versions of this program, PyTorch and Python"),
)


def print_help(command: Command, words: Sequence[str]) -> None:
    """Print how to use a command, or explain the topic behind ``--help``.

    Args:
        command: The command.
        words: The command line, whose choices of groups are shown.

    Raises:
        InputError: The topic is neither a group nor a key.
    """
    folders = config_folders(words)
    choices = given_choices(words, folders)
    root = flags.value_of(words, "-cn", "--config-name") or command.root
    tree = read_config_tree(root, folders, choices)
    console = terminal()
    width = min(console.width, WIDTH)
    page = HelpPage(command, tree, folders, width)
    for line in page.lines(help_topic(words)):
        console.print(line)


def help_topic(words: Sequence[str]) -> str | None:
    """Return the group or key behind ``--help``; of ``model=lite`` the group.

    None if ``--help`` is the last word, or another option follows.
    """
    position = next(n for n, word in enumerate(words) if word in flags.OWN_HELP)
    following = words[position + 1 : position + 2]
    if not following or following[0].startswith("-"):
        return None
    return following[0].partition("=")[0].replace("-", "_")


class HelpPage:
    """The help of a command.

    Args:
        command: The command.
        tree: Its keys and choices.
        folders: Folders of configs.
        width: Columns.
    """

    def __init__(self, command: Command, tree: ConfigTree, folders: Sequence[Path], width: int) -> None:
        self.command = command
        self.tree = tree
        self.width = width
        self.options = {group: options_of(group, folders) for group in tree.choices}
        self.keys = [key for key in tree.leaves if not key.is_internal]

    def lines(self, topic: str | None) -> Iterator[Text]:
        """Yield the whole page, or the part about a topic.

        Raises:
            InputError: The topic is neither a group nor a key.
        """
        if topic is None or topic == flags.ALL_TOPICS:
            yield from _introduction(self.command, self.tree.root, self.width)
            yield from self._root_keys()
            yield from self._all_groups() if topic == flags.ALL_TOPICS else self._overview_of_groups()
            yield from _options(self.command, self.width)
        elif topic in self.tree.choices:
            yield from islice(self._group(topic), 1, None)  # without the empty line above
        else:
            keys = [key for key in self.keys if f"{key.name}.".startswith(f"{topic}.")]
            if not keys:
                raise InputError(self._unknown(topic))
            yield from _keys(keys, self.width)

    def _root_keys(self) -> Iterator[Text]:
        without_group = [key for key in self.keys if not key.group]
        for title, keys in groupby(without_group, lambda key: key.entry.section):
            yield from _titled(title or "Keys", _keys(keys, self.width))

    def _all_groups(self) -> Iterator[Text]:
        for group in self.tree.choices:
            yield from self._group(group)

    def _overview_of_groups(self) -> Iterator[Text]:
        """Explain groups with keys of the root, such as ``overlap``, and list the others."""
        rows = []
        for group in self.tree.choices:
            if any(not key.name.startswith(f"{group}.") for key in self._keys_of(group)):
                yield from self._group(group)
            elif self._has_choices(group) or self._keys_of(group):
                rows.append((self._title(group), "cyan", self._summary(group)))
        if rows:
            note = wrap(GROUPS_NOTE.format(line=self.command.line), self.width, break_on_hyphens=False)
            yield from _titled("Groups", map(Text, note))
            yield from _rows(rows, self.width)

    def _group(self, group: str) -> Iterator[Text]:
        """Explain the choices and keys of a group."""
        rows: list[Text] = []
        if self._has_choices(group):
            rows += _choices(self.options[group], self.width)
        rows += _keys(self._keys_of(group), self.width)
        if rows:
            yield from _titled(self._title(group), rows)

    def _keys_of(self, group: str) -> list[Key]:
        return [key for key in self.keys if key.group == group]

    def _has_choices(self, group: str) -> bool:
        return len(self.options[group]) > 1 or self.tree.choices[group] is None

    def _title(self, group: str) -> str:
        return f"{group}={_choice_text(self.tree.choices[group])}"

    def _summary(self, group: str) -> str:
        """List the choices of a group; its keys if there is one choice."""
        if self._has_choices(group):
            return f"choices: {', '.join(self.options[group])}"
        return f"keys: {', '.join(key.name for key in self._keys_of(group))}"

    def _unknown(self, topic: str) -> str:
        suggestion = did_you_mean(topic, [flags.ALL_TOPICS, *self.tree.choices, *(key.name for key in self.keys)])
        advice = f"`{self.command.line} --help` lists the groups"
        return f"--help {topic}: {self.command.shown_name} has no group or key {topic}; {suggestion or advice}"


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
    options = list(OPTIONS)
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
