"""A config file with its comments, which explain each key once.

The comment lines at the top of a file describe the file. A key is explained by the comment behind its value, by the
comment lines directly above it, or by both. ``## Title`` starts a section of keys.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PACKAGE = re.compile(r"#\s*@package\s+(\S+)")
BEHIND = re.compile(r":?(?:\s+[|>]\S*)?\s+#\s?(.*)$")
"""A comment behind a value, or behind a key and the sign of a block of text."""
SECTION = "##"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Entry:
    """A key of a file.

    Attributes:
        key: With dots, from the file's root.
        value: What YAML reads; None for a mapping that has keys of its own.
        text: The value as written.
        comment: The explanation, in one line.
        section: The title above it.
        is_leaf: Whether it is not a mapping with keys of its own.
    """

    key: str
    value: Any
    text: str
    comment: str
    section: str
    is_leaf: bool


@dataclass(frozen=True)
class ConfigFile:
    """A file of configs.

    Attributes:
        header: The comment lines at the top.
        package: Where Hydra puts its keys, if the file says that.
        defaults: Its defaults list.
        entries: All other keys, parents before children.
    """

    header: tuple[str, ...]
    package: str | None
    defaults: tuple[Any, ...]
    entries: tuple[Entry, ...]

    @property
    def summary(self) -> str:
        """The first sentence of the header."""
        paragraph = " ".join(self.header).partition("  ")[0]
        sentence, stop, _ = paragraph.partition(". ")
        return sentence + stop.strip()


@cache
def read_config_file(path: Path) -> ConfigFile:
    """Read a config file.

    A file with errors in its YAML has no keys; Hydra reports the error.
    """
    text = path.read_text("utf-8")
    lines = text.splitlines()
    top = _header_length(lines)
    packages = [found[1] for found in map(PACKAGE.match, lines[:top]) if found]
    package = packages[0] if packages else None
    header = tuple(_without_hash(line) for line in lines[:top] if not PACKAGE.match(line))
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        root = None
    if not isinstance(root, yaml.MappingNode):
        return ConfigFile(header, package, (), ())
    defaults: list[Any] = []
    entries = []
    for entry in _Comments(lines, top).entries(root):
        if entry.key == "defaults":
            defaults = entry.value or []
        else:
            entries.append(entry)
    return ConfigFile(header, package, tuple(defaults), tuple(entries))


def _header_length(lines: list[str]) -> int:
    length = 0
    while length < len(lines) and lines[length].startswith("#"):
        length += 1
    return length


def _without_hash(line: str) -> str:
    return line.strip().removeprefix("#").removeprefix(" ")


class _Comments:
    """Finds the comments of keys.

    Args:
        lines: Of the file.
        top: How many of them are the header.
    """

    def __init__(self, lines: list[str], top: int) -> None:
        self.lines = lines
        self.top = top

    def entries(self, node: yaml.MappingNode, parent: str = "") -> Iterator[Entry]:
        for key, value in node.value:
            name = f"{parent}{key.value}"
            line = key.start_mark.line
            has_keys = isinstance(value, yaml.MappingNode) and value.value and not value.flow_style
            yield Entry(
                key=name,
                value=None if has_keys else _constructed(value),
                text=self._text(value),
                comment=" ".join([*self._above(line), *self._behind(key, value)]),
                section=self._section(line),
                is_leaf=not has_keys,
            )
            if has_keys:
                yield from self.entries(value, f"{name}.")

    def _above(self, line: int) -> list[str]:
        first = line
        while first > self.top and self._is_comment(first - 1):
            first -= 1
        return [_without_hash(each) for each in self.lines[first:line]]

    def _is_comment(self, line: int) -> bool:
        text = self.lines[line].strip()
        return text.startswith("#") and not text.startswith(SECTION)

    def _behind(self, key: yaml.Node, value: yaml.Node) -> list[str]:
        """The comment behind a value, or behind the key of a block."""
        is_below = value.start_mark.line != key.end_mark.line
        is_block = getattr(value, "style", None) in ("|", ">")
        mark = key.end_mark if is_below or is_block else value.end_mark
        found = BEHIND.match(self.lines[mark.line][mark.column :])
        return [found[1].strip()] if found else []

    def _section(self, line: int) -> str:
        titles = (each for each in reversed(self.lines[self.top : line]) if each.startswith(SECTION))
        return next(titles, "").removeprefix(SECTION).strip()

    def _text(self, value: yaml.Node) -> str:
        start = value.start_mark
        end = value.end_mark
        if start.line != end.line:
            return ""
        return self.lines[start.line][start.column : end.column].strip("\"'")


def _constructed(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()
