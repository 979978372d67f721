"""JSON and YAML of unknown origin: plain values within limits.

The limits are checked before a value is built.

A file of a run, a pack or an evaluation may come from another person or from a full disk. Text, numbers, booleans,
null, lists and mappings with keys of text are accepted, up to the limits; any fault raises an `InputError` that names
the file.
"""

import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import yaml

from bsroformer.errors import InputError

Plain = Any
"""None, bool, int, float, str, a list of these, or a dict of these by str."""


@dataclass(frozen=True)
class ReadingLimits:
    """Largest accepted file.

    Attributes:
        size: Bytes.
        depth: Nested lists and mappings.
        values: Values and keys; those of a YAML alias count at each use.
        text: Characters of a YAML value.
    """

    size: int = 2**20
    depth: int = 32
    values: int = 50_000
    text: int = 10_000


CONFIGURATION = ReadingLimits()
"""Limits of configurations; that of a run has 5 kB, 200 values and 5 levels."""
RECORDS = ReadingLimits(size=2**28, values=2**24)
"""Limits of files by programs, such as scores of each second."""


def read_text(path: Path, limits: ReadingLimits = CONFIGURATION) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises:
        InputError: If it is missing, not a regular file, longer than allowed, or not UTF-8.
    """
    try:
        return read_bytes(path, limits).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is damaged: byte {error.start} is not UTF-8 text; restore it from a copy") from error


def read_bytes(path: Path, limits: ReadingLimits = CONFIGURATION) -> bytes:
    """Read a file.

    Raises:
        InputError: If it is missing, not a regular file, or longer than allowed.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for its writer
            raise InputError(f"{path} is not a file; remove it, or give the path of one")
        if status.st_size > limits.size:
            raise InputError(
                f"{path} is refused: it has {status.st_size:,} bytes, and at most {limits.size:,} are read"
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def read_json(path: Path, limits: ReadingLimits = RECORDS) -> Plain:
    """Read a JSON file.

    Raises:
        InputError: See `read_text` and `parse_json`.
    """
    return parse_json(read_text(path, limits), path, limits)


def parse_json(text: str, source: object, limits: ReadingLimits = RECORDS) -> Plain:
    """Parse JSON; ``NaN`` and ``Infinity`` of Python are accepted.

    Args:
        text: The JSON.
        source: The file, for messages.
        limits: Limits of depth and number of values.

    Raises:
        InputError: If the text is not JSON, or exceeds the limits.
    """
    try:
        tree = json.loads(text)
    except RecursionError as error:
        raise _too_deep(source, limits) from error
    except ValueError as error:  # also of numbers with thousands of digits
        raise InputError(f"{source} is damaged: it is not JSON ({error}); restore it from a copy") from error
    _check_depth(tree, source, limits)
    return tree


def _check_depth(tree: Plain, source: object, limits: ReadingLimits) -> None:
    level: list[Any] = [tree]
    visited = 1
    for _ in range(limits.depth + 1):
        children = list(islice(chain.from_iterable(map(_children, level)), limits.values))
        visited += len(children)
        if visited > limits.values:
            raise _too_many(source, limits)
        if not children:
            return
        level = children
    raise _too_deep(source, limits)


def _children(value: Plain) -> Iterator[Plain]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def read_yaml(path: Path, limits: ReadingLimits = CONFIGURATION) -> Plain:
    """Read a YAML file.

    Raises:
        InputError: See `read_text` and `parse_yaml`.
    """
    return parse_yaml(read_text(path, limits), path, limits)


def parse_yaml(text: str, source: object, limits: ReadingLimits = CONFIGURATION) -> Plain:
    """Parse YAML with the numbers of OmegaConf (``1e-5`` is one); dates are text.

    Args:
        text: The YAML.
        source: The file, for messages.
        limits: Limits with all aliases expanded, checked event by event before a value is built.

    Raises:
        InputError: If the text is not YAML, exceeds the limits, or has values that are not plain.
    """
    with parsing_yaml(source):
        check_events(text, source, limits)
        tree = yaml.load(text, _PlainLoader)
    _check_plain(tree, source)
    return tree


@contextmanager
def parsing_yaml(source: object) -> Iterator[None]:
    """Convert the errors of PyYAML to one that names a file.

    Raises:
        InputError: Instead of them.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # constructors raise errors of many types for values that do not fit their tags
        fault = "a value does not fit its tag, or its text"
        if isinstance(error, yaml.MarkedYAMLError):
            line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
            fault = f"{line}{error.problem}"
        raise InputError(f"{source} cannot be read as plain YAML: {fault}") from error


class _PlainLoader(yaml.SafeLoader):
    """A safe loader with OmegaConf's syntax of numbers."""


_FLOAT = re.compile(
    r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)"
    r"|\.[0-9_]+(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
    r"|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN))$"
)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


def _without_timestamps(resolvers: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]


_PlainLoader.yaml_implicit_resolvers = {
    first: _without_timestamps(resolvers) for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def check_events(text: str, source: object, limits: ReadingLimits = CONFIGURATION) -> None:
    """Check the size of YAML with all aliases expanded, before a value is built.

    Raises:
        InputError: If it exceeds the limits.
        yaml.YAMLError: If the text is not YAML.
    """
    sizes: dict[str, int] = {}  # of each anchor
    open_nodes: list[tuple[str | None, int]] = []  # the anchor of each, and the number of values before it
    count = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise InputError(f"{source} is refused: its alias *{event.anchor:.40} refers to what contains it")
            count += sizes[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            count += 1
            if isinstance(event, yaml.CollectionStartEvent):
                sizes.pop(event.anchor or "", None)  # later aliases of that name refer to this node
                open_nodes.append((event.anchor, count - 1))
            else:
                _check_scalar(event, source, limits)
                if event.anchor is not None:
                    sizes[event.anchor] = 1
        if count > limits.values:
            raise _too_many(source, limits)
        if len(open_nodes) > limits.depth:
            raise _too_deep(source, limits)


def _check_scalar(event: yaml.NodeEvent, source: object, limits: ReadingLimits) -> None:
    assert isinstance(event, yaml.ScalarEvent)
    if len(event.value) > limits.text:
        line = event.start_mark.line + 1 if event.start_mark else "?"
        raise InputError(f"{source} is refused: the value at line {line} is longer than {limits.text:,} characters")


def check_plain(tree: Any, source: object, limits: ReadingLimits = CONFIGURATION) -> None:
    """Check that a tree has few and plain values; tuples count as lists.

    An entry of a checkpoint is such a tree.

    Raises:
        InputError: If a value is not plain, or the tree exceeds the limits.
    """
    _check_depth(tree, source, limits)
    _check_plain(tree, source)


def _check_plain(tree: Plain, source: object) -> None:
    """Refuse bytes, sets, keys that are not text, and text that UTF-8 cannot encode."""
    open_values = [tree]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            wrong = next((key for key in value if not isinstance(key, str)), None)
            if wrong is not None:
                raise InputError(f"{source} is refused: its key {_short(wrong)} is not text")
            open_values += value.keys()
        elif isinstance(value, str):
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise InputError(f"{source} is refused: {value[:60]!r} is not text that UTF-8 can encode")
        elif not isinstance(value, list | tuple | bool | int | float | None):
            raise InputError(f"{source} is refused: it holds a {type(value).__name__}, which is not a plain value")
        open_values += _children(value)


def _short(key: Any) -> str:
    return str(key) if isinstance(key, bool | float | None) else f"of type {type(key).__name__}"


def _too_deep(source: object, limits: ReadingLimits) -> InputError:
    return InputError(f"{source} is refused: it nests more than {limits.depth} lists and mappings")


def _too_many(source: object, limits: ReadingLimits) -> InputError:
    return InputError(f"{source} is refused: it unfolds to more than {limits.values:,} values")
