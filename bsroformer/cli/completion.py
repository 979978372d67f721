"""Shell completion of commands, options, keys, group choices and files.

A shell calls ``bsroformer __complete SHELL LINE`` with the line up to the cursor, at each press of TAB. To be fast,
this reads YAML and does not import Hydra.
"""

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.cli import flags
from bsroformer.cli.config_file import read_config_file
from bsroformer.cli.config_tree import (
    PATH_KEYS,
    ConfigTree,
    config_folders,
    given_choices,
    options_of,
    read_config_tree,
)
from bsroformer.cli.registry import INSTALLED, OTHER_COMMANDS, Command, find_command
from bsroformer.errors import InputError

SHELLS = ("bash", "zsh", "fish")
OPTIONS = {
    "--help": "the command and its keys",
    "--version": "versions of this program and PyTorch",
    "--multirun": "a job for each of several values",
    "--cfg": "print the configuration",
    "--config-dir": "add a folder of configs",
    "--config-path": "use this folder of configs",
}
SPECIAL = re.compile(r"[^\w@%+=:,./~\[\]{}\x80-\U0010ffff-]")
"""Characters that bash needs a backslash before, outside of quotes."""
FOLDER_OPTIONS = ("-cd", "--config-dir", "-cp", "--config-path")


@dataclass(frozen=True)
class Candidate:
    """A candidate word; `is_part` if more of it follows without a space."""

    text: str
    summary: str = ""
    is_part: bool = False


def print_completions(words: Sequence[str]) -> None:
    """Print the candidates for a line, one per line, as the shell script reads them."""
    shell, line = words if len(words) == 2 and words[0] in SHELLS else ("bash", "")
    before, current, is_quoted = split_line(line)
    try:
        found = [*candidates(before[1:], current)]
    except (InputError, OSError, UnicodeError):  # a line that is wrong has no completions
        return
    for each in found:
        if shell != "bash":
            print(f"{each.text}\t{each.summary}")
            continue
        text = each.text[bash_prefix(current) :]
        escaped = text if is_quoted else SPECIAL.sub(r"\\\g<0>", text)
        print(escaped if each.is_part or is_quoted else f"{escaped} ")


def split_line(line: str) -> tuple[list[str], str, bool]:
    """Split a line into the words before the last, the last word, and an open quote.

    The last word may be empty; the third value is true while a quote in it is open.
    """
    reader = shlex.shlex(line, posix=True, punctuation_chars=False)
    reader.whitespace_split = True
    reader.commenters = ""
    words: list[str] = []
    try:
        words.extend(iter(reader.get_token, None))
    except ValueError:  # a quote is open
        return words, reader.token, True
    if not line or line[-1].isspace():
        return words, "", False
    return words[:-1], words[-1], False


def bash_prefix(current: str) -> int:
    """Count the characters that bash keeps: up to the last ``=`` or ``:``."""
    return max(current.rfind("="), current.rfind(":")) + 1


def candidates(before: Sequence[str], current: str) -> Iterator[Candidate]:
    """Yield candidates for the last word of a line.

    Args:
        before: The words after the program's name, without the last.
        current: The last word, as far as it is typed.
    """
    if not before:
        yield from _matching(_commands(), current)
        return
    command = find_command(before[0])
    if command is not None:
        yield from CommandCompleter(command, before[1:]).candidates(current)
    elif before[0] == "completion":
        yield from _matching(dict.fromkeys(SHELLS, ""), current)
    elif before[0] == "init":
        yield from files(current)


def _commands() -> dict[str, str]:
    summaries = {name: each.summary for name, each in INSTALLED.items()}
    return {**summaries, **OTHER_COMMANDS, "--help": "", "--version": ""}


def _matching(words: Mapping[str, str], current: str) -> Iterator[Candidate]:
    return (Candidate(word, summary) for word, summary in words.items() if word.startswith(current))


class CommandCompleter:
    """Completes the words of a command.

    Args:
        command: The command.
        before: Its words before the last.
    """

    def __init__(self, command: Command, before: Sequence[str]) -> None:
        self.command = command
        self.before = before
        self.folders = config_folders(before)
        choices = given_choices(before, self.folders)
        self.tree: ConfigTree = read_config_tree(command.root, self.folders, choices)

    def candidates(self, current: str) -> Iterator[Candidate]:
        """Yield candidates for the last word."""
        last = self.before[-1] if self.before else ""
        name, equals, value = current.partition("=")
        if "--" in self.before:
            yield from files(current)
        elif last in flags.OWN_HELP and not equals:
            yield from self.topics(current)
        elif self._takes_value(last):
            yield from self.values(self._key(last), current)
        elif equals:
            for each in self.values(self._key(name), value):
                yield Candidate(f"{name}={each.text}", each.summary, each.is_part)
        elif current.startswith("-"):
            yield from self.options(current)
        else:
            yield from self.words(current)

    def _takes_value(self, word: str) -> bool:
        """Return whether the word after an option is its value."""
        is_option = word.startswith("-") and "=" not in word and word not in flags.ALONE
        return is_option and self._key(word) not in self.tree.switches

    def _key(self, word: str) -> str:
        if word == "-o":
            return self.command.output or ""
        if word in FOLDER_OPTIONS:
            return "output"
        return word.removeprefix("--").replace("-", "_") if word.startswith("--") else word.lstrip("+~")

    def values(self, key: str, start: str) -> Iterator[Candidate]:
        """Yield values of a key: group choices, true and false, or files.

        In a list, the value under the cursor is completed.
        """
        options = options_of(key, self.folders) if key in self.tree.choices else {}
        if options:
            list_start = start[: max(start.rfind("["), start.rfind(",")) + 1]
            values = {f"{list_start}{name}": read_config_file(path).summary for name, path in options.items()}
            yield from _matching(values, start)
        elif key in self.tree.switches:
            yield from _matching({"true": "", "false": ""}, start)
        elif key in PATH_KEYS:
            yield from files(start)
        elif key == "action":
            yield from _matching(dict.fromkeys(self.command.actions, ""), start)

    def topics(self, start: str) -> Iterator[Candidate]:
        """Yield topics of the help: groups and keys."""
        yield from _matching({flags.ALL_TOPICS: "the keys of all groups"}, start)
        yield from _by_level(self._keys(), start, "")

    def options(self, start: str) -> Iterator[Candidate]:
        """Options, with keys as ``--some-key``."""
        output = {} if self.command.output is None else {"-o": f"--{self.command.output}"}
        yield from _matching(OPTIONS | output, start)
        options = ((f"--{key.replace('_', '-')}", text) for key, text in self._keys())
        yield from _by_level(options, start, "")

    def words(self, start: str) -> Iterator[Candidate]:
        """Actions, files and assignments."""
        if not self.before:
            yield from _matching(dict.fromkeys(self.command.actions, ""), start)
        if self.command.positional is not None:
            yield from files(start)
        yield from _by_level(self._keys(), start, "=")

    def _keys(self) -> Iterator[tuple[str, str]]:
        """Groups and keys with their summaries."""
        yield from ((group, f"choose a file of {group}/") for group in self.tree.choices)
        for key in self.tree.leaves:
            if not key.is_internal:
                yield key.name, key.entry.comment


def _by_level(keys: Iterable[tuple[str, str]], start: str, end: str) -> Iterator[Candidate]:
    """Yield the keys that start with a text, cut after the next dot.

    The keys of a group are shown once its name is typed.
    """
    known: set[str] = set()
    for key, text in keys:
        dot = key.find(".", len(start))
        is_group = dot >= 0
        name = key[: dot + 1] if is_group else key
        if not key.startswith(start) or name in known:
            continue
        known.add(name)
        if is_group:
            yield Candidate(name, is_part=True)
        else:
            yield Candidate(f"{name}{end}", text, is_part=bool(end))


def files(start: str) -> Iterator[Candidate]:
    """Yield the files and folders whose paths start with a text."""
    typed_folder, name = os.path.split(start)
    folder = Path(typed_folder or ".").expanduser()
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        is_hidden = path.name.startswith(".") and not name.startswith(".")
        if is_hidden or not path.name.startswith(name):
            continue
        ending = "/" if path.is_dir() else ""
        text = os.path.join(typed_folder, f"{path.name}{ending}")  # noqa: PTH118
        yield Candidate(text, is_part=path.is_dir())
