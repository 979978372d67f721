"""The grammar of the command line.

``--some-key value``, ``--some-key=value`` and ``some_key=value`` mean the same. ``--some-switch`` alone means true, and
``--no-some-switch`` false. What is not an option and has no ``=`` is a positional argument; after ``--`` everything is.
Hydra reads the values, except paths: see `hydra_values`.
"""

import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from bsroformer.cli import flags
from bsroformer.cli.registry import Command
from bsroformer.cli.suggestions import did_you_mean
from bsroformer.errors import InputError

ASSIGNMENT = re.compile(r"([~+]{0,2})([A-Za-z_][\w.$/@:-]*)=(.*)", re.DOTALL)
OPTION = re.compile(r"--([A-Za-z_][\w./@-]*)(?:=(.*))?", re.DOTALL)
DELETION = re.compile(r"~[A-Za-z_][\w./@-]*")
SWITCH_VALUE = re.compile(r"(true|false|null)(,(true|false|null))*|choice\(.*|\$\{.*", re.IGNORECASE)
"""The value of a switch in the next word: for one job, for a sweep, or a reference to another key."""
SHORT_OUTPUT = "-o"


@dataclass(frozen=True)
class Assignment:
    """A key and its value as typed, with Hydra's prefix.

    `prefix` is ``+``, ``++``, ``~`` or empty.
    """

    prefix: str
    key: str
    value: str


@dataclass
class Arguments:
    """A command line, sorted into options, assignments and bare arguments.

    Attributes:
        flags: Hydra's own options, with their values.
        overrides: Assignments, and keys to delete (``~key``).
        positional: Bare arguments, as typed.
        version: Whether ``--version`` is among them.
    """

    flags: list[str] = field(default_factory=list)
    overrides: list[Assignment | str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    version: bool = False

    @property
    def sweep(self) -> bool:
        """Return whether the command line runs several jobs (``-m``)."""
        if any(flag in flags.MULTIRUN for flag in self.flags):
            return True
        assignments = [each for each in self.overrides if isinstance(each, Assignment)]
        return any(each.key == "hydra.mode" and each.value == "MULTIRUN" for each in assignments)


class Reader:
    """Sorts the words of a command line.

    Args:
        command: The command of the command line.
        keys: Returns the command's keys; called only for words that are ambiguous or wrong.
        switches: Returns the keys that are true or false; called only for options without an attached value.
    """

    def __init__(
        self, command: Command, keys: Callable[[], Sequence[str]], switches: Callable[[], Collection[str]]
    ) -> None:
        self.command = command
        self.keys = keys
        self.switches = switches
        self.found = Arguments()

    def read(self, words: Sequence[str]) -> Arguments:
        """Sort `words`.

        Raises:
            InputError: For an option without a value or an unknown short one, and for a bare argument that the command
                does not take.
        """
        following = list(words)
        while following:
            word = following.pop(0)
            if word == "--":
                self.found.positional += following
                break
            self._read_word(word, following)
        self._place_positional()
        return self.found

    def _read_word(self, word: str, following: list[str]) -> None:
        assignment = ASSIGNMENT.fullmatch(word)
        if word == "--version":
            self.found.version = True
        elif flags.is_flag(word):
            self.found.flags.append(word)
            if flags.takes_next(word, following):
                self.found.flags.append(following.pop(0))
        elif word.startswith("-") and word != "-":
            self._read_option(word, following)
        elif assignment and not self._is_file(word, assignment[2]):
            self.found.overrides.append(Assignment(*assignment.groups()))
        elif DELETION.fullmatch(word) and not exists(word):
            self.found.overrides.append(word)
        else:
            self.found.positional.append(word)

    def _read_option(self, word: str, following: list[str]) -> None:
        name, equals, attached = word.partition("=")
        if name == SHORT_OUTPUT:
            output = self._output_key()
            value = attached if equals else self._next_value(word, output, following)
            self._set(output, value)
            return
        option = OPTION.fullmatch(word)
        if option is None:
            raise InputError(
                f"unknown option {word}; write options as --key value or key=value, and files whose names start with "
                "a dash after --"
            )
        key = option[1].replace("-", "_")
        value = option[2]
        if value is None:
            self._read_separate_value(word, key, following)
        else:
            self._set(key, value)

    def _read_separate_value(self, word: str, key: str, following: list[str]) -> None:
        """Read an option that is a switch, or whose value is the next word."""
        negated = key.removeprefix("no_")
        has_value = bool(following) and SWITCH_VALUE.fullmatch(following[0]) is not None
        if negated != key and negated in self.switches():
            self._set(negated, "false")
        elif key in self.switches() and not has_value:
            self._set(key, "true")
        else:
            self._set(key, self._next_value(word, key, following))

    def _set(self, key: str, value: str) -> None:
        self.found.overrides.append(Assignment("", key, value))

    def _output_key(self) -> str:
        if self.command.output is None:
            raise InputError(f"{self.command.shown_name} has no option -o: it writes no files")
        return self.command.output

    def _next_value(self, word: str, key: str, following: list[str]) -> str:
        if following and not _is_option(following[0]):
            return following.pop(0)
        known = self.keys()
        negated = key.removeprefix("no_")
        if negated != key and negated in known:
            raise InputError(f"{word}: {negated} is not a switch; write --{negated.replace('_', '-')} <value>")
        suggestion = did_you_mean(key, known)
        if key not in known and suggestion:
            raise InputError(f"{word}: {self.command.shown_name} has no key {key}; {suggestion}")
        raise InputError(f"{word} has no value; write {word} <value>, or {word}=<value>")

    def _is_file(self, word: str, key: str) -> bool:
        """Return whether a word with ``=`` names a file, not a known key."""
        return self.command.positional is not None and exists(word) and key not in self.keys()

    def _place_positional(self) -> None:
        """Turn a leading action into its key, and check the bare arguments.

        Raises:
            InputError: If the command takes none, or their key is given too.
        """
        words = self.found.positional
        command = self.command
        given = [each.key for each in self.found.overrides if isinstance(each, Assignment)]
        if words and words[0] in command.actions and "action" not in given:
            self.found.overrides.append(Assignment("", "action", words.pop(0)))
        if not words:
            return
        if "" in words:
            raise InputError("an argument is empty; remove it, or check the shell variable that it comes from")
        if command.positional is None:
            raise InputError(self._unexpected(words[0]))
        if command.positional in given:
            key = command.positional
            raise InputError(f"{words[0]} is given beside {key}=; give all either as {key}= or as bare arguments")

    def _unexpected(self, word: str) -> str:
        name = self.command.shown_name
        known = self.keys()
        if word in known:
            return f"{word} has no value; write {word}=<value>"
        suggestion = did_you_mean(word, (*known, *self.command.actions))
        advice = f"; {suggestion}" if suggestion else ""
        return f"{name} takes no bare argument {word!r}; write key=value{advice}"


def _is_option(word: str) -> bool:
    is_long = word.startswith("--") or flags.is_flag(word)
    return is_long or word.partition("=")[0] == SHORT_OUTPUT


def exists(path: str) -> bool:
    """Return whether a file or folder of this name exists."""
    try:
        return os.path.lexists(os.path.expanduser(path))  # noqa: PTH111 (a Path would drop a leading ./)
    except (OSError, ValueError):  # not a valid file name
        return False
