"""The base of each command's configuration."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar

from pydantic import PrivateAttr, ValidationError
from typing_extensions import Self

from bsroformer.cli.dotted_keys import at, put
from bsroformer.cli.schemas.components import components
from bsroformer.cli.schemas.groups import PathSettings
from bsroformer.cli.schemas.kinds import Word
from bsroformer.cli.schemas.schema import Schema, as_json, faults
from bsroformer.errors import InputError

COPY = re.compile(r"\$\{([\w.]+)\}")
"""The value of a key that is a copy of another key's."""


class Config(Schema):
    """The checked configuration of a command, and its plain tree."""

    task: Word
    paths: PathSettings
    may_name_runs: ClassVar[tuple[str, ...]] = ()
    """Keys that may name the folder of a training in place of its best checkpoint."""
    _tree: dict[str, Any] = PrivateAttr()
    _written: dict[str, Any] = PrivateAttr()

    @classmethod
    def checked(cls, tree: dict[str, Any], written: dict[str, Any] | None = None) -> Self:
        """Check a plain tree.

        Args:
            tree: Keys and values.
            written: The same with ``${...}`` where a value follows from another key, which is then to blame.

        Raises:
            InputError: Naming each key whose value is wrong, the value, and what is allowed.
        """
        written = tree if written is None else written
        try:
            config = cls.model_validate_json(as_json(tree))
        except ValidationError as error:
            raise InputError(message(faults(error, tree), written)) from error
        config._tree = tree
        config._written = written
        for key, component in components(config):
            component._key = key
        return config

    @property
    def tree(self) -> dict[str, Any]:
        """The plain tree."""
        return self._tree

    @property
    def written(self) -> dict[str, Any]:
        """The plain tree with ``${...}`` where a value follows from another key."""
        return self._written

    def replaced(self, values: Mapping[str, Any]) -> Self:
        """Replace the values at some dotted keys, and check the result."""
        tree = deepcopy(self._tree)
        for key, value in values.items():
            put(tree, key, value)
        return self.checked(tree, self._written)


def message(found: Mapping[str, str], written: Mapping[str, Any]) -> str:
    """Join one sentence per key into a message.

    Keys that follow from others are reported only if no other key is wrong. A key that is a copy, as ``${data.root}``,
    is reported by the name of the original.
    """
    own = [sentence for key, sentence in found.items() if not follows(written, key)]
    if own:
        return "; ".join(own)
    return "; ".join(_by_original(key, sentence, written) for key, sentence in found.items())


def _by_original(key: str, sentence: str, written: Mapping[str, Any]) -> str:
    """Replace the key that a sentence starts with by the key that it is a copy of."""
    copied = COPY.fullmatch(str(at(written, key)))
    if copied is None or not sentence.startswith(f"{key}="):
        return sentence
    return f"{copied[1]}{sentence.removeprefix(key)}"


def follows(written: Any, key: str) -> bool:
    """Return whether a key, or a mapping that holds it, is given by ``${...}``."""
    for part in key.split("."):
        written = written.get(part) if isinstance(written, Mapping) else None
        if isinstance(written, str):
            return "${" in written
    return False
