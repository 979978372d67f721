"""A public checkpoint's YAML: read without running code from it, each value with its line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bsroformer.errors import InputError

LONGEST, LONGEST_VALUE = 2**20, 1000
"""Bytes of a file, the known ones have a few thousand; characters of a value, since base-60 numbers take long."""
MOST_NODES = 50_000


class PlainLoader(yaml.SafeLoader):
    """A safe loader that also reads ``!!python/tuple``, of which the public code's configurations are full."""


class PlainDumper(yaml.SafeDumper):
    """A safe dumper that writes tuples as ``!!python/tuple``, which the public code insists on."""


TUPLE = "tag:yaml.org,2002:python/tuple"
PlainLoader.add_constructor(TUPLE, lambda loader, node: tuple(loader.construct_sequence(node)))  # type: ignore[arg-type]
PlainDumper.add_representer(tuple, lambda dumper, value: dumper.represent_sequence(TUPLE, value))


@dataclass(frozen=True)
class YamlFile:
    """The values of a file and where they stand.

    Attributes:
        path: Where it lies.
        tree: Its values.
        lines: The line, from 1, of each key, such as ``model.dim``.
    """

    path: Path
    tree: dict[str, Any]
    lines: dict[str, int]

    def section(self, name: str) -> dict[str, Any]:
        """A mapping at the top, empty if it is not there.

        Raises:
            InputError: If it is no mapping of names.
        """
        section = self.tree.get(name) or {}
        if not isinstance(section, dict) or not all(isinstance(key, str) for key in section):
            raise InputError(f"{self.place(name)} must hold lines `key: value`")
        return section

    def place(self, key: str) -> str:
        """Where a key stands, to begin a sentence with."""
        line = self.lines.get(key)
        return f"{key} ({self.path}, line {line})" if line else f"{key} (not in {self.path})"


def read_yaml(path: Path) -> YamlFile:
    """Read a configuration.

    Raises:
        InputError: If it is missing, too long, no YAML, or asks for Python objects.
    """
    try:
        if not path.is_file():
            raise InputError(f"no configuration at {path}: give the YAML file that came with the checkpoint")
        if path.stat().st_size > LONGEST:
            raise InputError(f"{path} is no configuration: it is longer than a megabyte")
        loader = PlainLoader(path.read_text("utf-8-sig"))
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise InputError(f"{path} is no configuration: it holds no `key: value` at its top")
        _limit(root, path)
        tree = loader.construct_document(root)
        if not isinstance(tree, dict):
            raise InputError(f"{path} is no configuration: it holds a {type(tree).__name__} at its top")
        return YamlFile(path, tree, dict(_lines(root)))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(f"{path} cannot be read as plain YAML: {line}{error.problem}") from error
    except Exception as error:  # PyYAML's constructors raise errors of many types for values that do not fit their tags
        raise InputError(f"{path} cannot be read as plain YAML: a value does not fit its tag, or its text") from error


def _limit(root: yaml.Node, path: Path) -> None:
    """Stop at a file whose aliases unfold without end: visiting each node where it is used counts them out."""
    open_nodes, visited = [root], 0
    while open_nodes:
        node, visited = open_nodes.pop(), visited + 1
        if visited > MOST_NODES:
            raise InputError(f"{path} is no configuration: it unfolds to more than {MOST_NODES} values")
        if isinstance(node, yaml.ScalarNode) and len(node.value) > LONGEST_VALUE:
            raise InputError(f"{path} is no configuration: the value at line {node.start_mark.line + 1} is too long")
        if isinstance(node, yaml.MappingNode):
            open_nodes += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            open_nodes += node.value


def _lines(node: yaml.MappingNode, prefix: str = "") -> Iterator[tuple[str, int]]:
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        yield name, key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode):
            yield from _lines(value, f"{name}.")
