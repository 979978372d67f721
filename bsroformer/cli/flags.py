"""Hydra's own options, which are passed to it unchanged."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from bsroformer.errors import InputError

ALONE = ("-h", "--help", "--hydra-help", "--resolve", "-r", "--run", "-m", "--multirun", "-sc", "--shell-completion")
WITH_VALUE = (
    *("-c", "--cfg"),
    *("-p", "--package"),
    *("-cp", "--config-path"),
    *("-cn", "--config-name"),
    *("-cd", "--config-dir"),
    *("-i", "--info"),
    "--experimental-rerun",
)
CFG = ("job", "hydra", "all")
"""Values of ``--cfg``."""
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
"""Values of ``--info``."""
MULTIRUN = ("-m", "--multirun")
COMPLETION = ("-sc", "--shell-completion")
OWN_HELP = ("-h", "--help")
ALL_TOPICS = "all"
"""Word behind ``--help`` for the keys of all groups."""
HELP = (*OWN_HELP, "--hydra-help")
FOLDERS = ("-cp", "--config-path", "-cd", "--config-dir")
"""Options whose values are folders; Hydra does not look for them in the current folder."""
MODES = (("-r", "--run"), MULTIRUN, ("-c", "--cfg"), ("-i", "--info"), COMPLETION)
"""Options that set Hydra's mode; one of them can be given."""


def is_flag(word: str) -> bool:
    """Return whether a word is one of Hydra's options, with or without a value."""
    return word.partition("=")[0] in (*ALONE, *WITH_VALUE)


def takes_next(flag: str, following: Sequence[str]) -> bool:
    """Return whether the word after a flag is its value."""
    if flag not in WITH_VALUE or not following:
        return False
    if flag in ("-i", "--info"):
        return following[0] in INFO
    return not following[0].startswith("-")


def value_of(flags: Sequence[str], *names: str) -> str | None:
    """The value of an option among flags; None if it is not given."""
    for index, flag in enumerate(flags):
        name, equals, value = flag.partition("=")
        if name not in names:
            continue
        if equals:
            return value
        return flags[index + 1] if index + 1 < len(flags) else None
    return None


def before_files(words: Sequence[str]) -> list[str]:
    """The words before ``--``."""
    if "--" not in words:
        return list(words)
    return list(words[: words.index("--")])


def with_absolute_folders(flags: Sequence[str]) -> list[str]:
    """The flags, with the folders among their values as absolute paths."""
    found: list[str] = []
    for flag in flags:
        name, equals, value = flag.partition("=")
        if name in FOLDERS and equals:
            found.append(f"{name}={Path(value).resolve()}")
        elif found and found[-1] in FOLDERS:
            found.append(str(Path(flag).resolve()))
        else:
            found.append(flag)
    return found


def check(flags: Sequence[str]) -> None:
    """Check that Hydra's options have values and do not exclude each other.

    Raises:
        InputError: For the first fault.
    """
    given = [flag.partition("=")[0] for flag in flags]
    for name in given:
        needs_value = name in WITH_VALUE and name not in ("-i", "--info")
        if needs_value and not value_of(flags, name):
            raise InputError(f"{name} has no value; write {name} <value>")
    for names, choices in ((("-c", "--cfg"), CFG), (("-i", "--info"), INFO)):
        value = value_of(flags, *names)
        if value and not value.startswith("-") and value not in choices:
            raise InputError(f"{names[1]}={value} must be one of {', '.join(choices)}")
    modes = [flag for flag in given if flag in chain.from_iterable(MODES)]
    if len(modes) > 1:
        raise InputError(f"{' and '.join(modes)} exclude each other; give one of them")
    has_config = not {"-c", "--cfg", *HELP}.isdisjoint(given)
    if "--resolve" in given and not has_config:
        raise InputError("--resolve needs --cfg; write --cfg job --resolve")
