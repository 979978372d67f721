"""Safe reading of a public checkpoint's YAML, with the line of each value."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bsroformer.errors import InputError
from bsroformer.safe_files import ReadingLimits, check_events, parsing_yaml, read_text

LIMITS = ReadingLimits(size=2**17, values=20_000, text=1000)
"""The known files have a few thousand bytes; base-60 numbers of many digits take long to convert."""


class PlainLoader(yaml.SafeLoader):
    """A safe loader that also reads ``!!python/tuple``, which public files use."""


class PlainDumper(yaml.SafeDumper):
    """A safe dumper that writes tuples as ``!!python/tuple``."""


TUPLE = "tag:yaml.org,2002:python/tuple"
PlainLoader.add_constructor(TUPLE, lambda loader, node: tuple(loader.construct_sequence(node)))  # type: ignore[arg-type]
PlainDumper.add_representer(tuple, lambda dumper, value: dumper.represent_sequence(TUPLE, value))


@dataclass(frozen=True)
class YamlFile:
    """The values of a file and their lines.

    Attributes:
        path: Path of the file.
        tree: Its values.
        lines: The line, from 1, of each key, such as ``model.dim``.
    """

    path: Path
    tree: dict[str, Any]
    lines: dict[str, int]

    def section(self, name: str) -> dict[str, Any]:
        """Return a mapping at the top level, empty if it is missing.

        Raises:
            InputError: If it is not a mapping with text keys.
        """
        section = self.tree.get(name) or {}
        if not isinstance(section, dict) or not all(isinstance(key, str) for key in section):
            raise InputError(f"{self.place(name)} must hold lines `key: value`")
        return section

    def place(self, key: str) -> str:
        """Format a key with its file and line, as the start of a message."""
        line = self.lines.get(key)
        if line is None:
            return f"{key} (not in {self.path})"
        return f"{key} ({self.path}, line {line})"


def read_yaml(path: Path) -> YamlFile:
    """Read a configuration.

    Raises:
        InputError: If it is missing, too long, invalid YAML, or contains Python objects.
    """
    try:
        missing = not path.is_file()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if missing:
        raise InputError(f"no configuration at {path}; give the YAML file that came with the checkpoint")
    text = read_text(path, LIMITS)
    with parsing_yaml(path):
        check_events(text, path, LIMITS)
        loader = PlainLoader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise InputError(
                f"{path} must hold lines `key: value` at its top level; give the YAML file of the checkpoint"
            )
        tree = loader.construct_document(root)
        lines = dict(_lines(root))
    if not isinstance(tree, dict):
        kind = type(tree).__name__
        raise InputError(
            f"{path} must hold a mapping at its top level, got {kind}; give the YAML file of the checkpoint"
        )
    return YamlFile(path, tree, lines)


def _lines(node: yaml.MappingNode, prefix: str = "") -> Iterator[tuple[str, int]]:
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        yield name, key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode):
            yield from _lines(value, f"{name}.")
