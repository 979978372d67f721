"""The base of all schemas: strict, immutable, with errors by key."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from bsroformer.cli.dotted_keys import MISSING, at

STRICT = ConfigDict(strict=True, allow_inf_nan=False, frozen=True, arbitrary_types_allowed=True)
ALLOWED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a word",
    "none_required": "null",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "dataclass_type": "a mapping with _target_",
    "is_instance_of": "a mapping with _target_",
    "callable_type": "a mapping with _target_",
    "too_short": "a list that is not empty",
    "string_too_short": "a word",
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "allowed": "{text}",
}
"""The allowed values by Pydantic's type of error."""
SECRET = ("auth",)
"""Keys whose values are not shown."""
LONGEST_SHOWN = 60
"""Characters of a value in a message."""


class Schema(BaseModel):
    """Keys and what their values may be; an unknown key is an error."""

    model_config = STRICT | ConfigDict(extra="forbid")


class OpenSchema(Schema):
    """A schema of a group to which users' own configs may add keys."""

    model_config = ConfigDict(extra="allow")


def allowed(text: str) -> WrapValidator:
    """Annotate a kind with the text of its allowed values.

    It replaces the message of each of its parts.
    """

    def check(value: Any, handler: Any) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            raise PydanticCustomError("allowed", "{text}", {"text": text}) from error

    return WrapValidator(check)


ENCODED = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
"""Characters for bytes of a path that are not UTF-8: Python's, which JSON cannot hold, and private ones."""
DECODED = {private: surrogate for surrogate, private in ENCODED.items()}


def decoded(value: Any) -> Any:
    """Restore the bytes that are not UTF-8 in a plain value that was validated from `as_json`."""
    if isinstance(value, str):
        return value.translate(DECODED)
    if isinstance(value, dict):
        return {name: decoded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [decoded(each) for each in value]
    return value


def as_json(tree: Any) -> str:
    """Write a plain tree as JSON.

    From JSON, Pydantic takes lists for tuples and strings for paths even where it is strict.
    """
    return json.dumps(tree, ensure_ascii=False).translate(ENCODED)


def faults(error: ValidationError, tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Describe the faults of a tree, by key.

    Args:
        error: The error of the tree's validation.
        tree: Plain values.
        prefix: Prefix of all keys.
    """
    by_key: dict[str, list[ErrorDetails]] = {}
    for each in error.errors(include_url=False):
        by_key.setdefault(key_of(each["loc"], tree), []).append(each)
    sentences = {}
    for key, errors in by_key.items():
        full_key = f"{prefix}{key}"
        sentences[full_key] = _sentence(full_key, at(tree, key, MISSING), errors)
    return sentences


def key_of(loc: Iterable[int | str], tree: Mapping[str, Any]) -> str:
    """Return the dotted key of an error, without type names and list positions."""
    node: Any = tree
    parts = []
    for part in map(str, loc):
        if not isinstance(node, dict):
            break
        parts.append(part)
        if part not in node:
            return ".".join(parts if not part.endswith("]") else parts[:-1])
        node = node[part]
    return ".".join(parts)


def _sentence(key: str, value: Any, errors: list[ErrorDetails]) -> str:
    kinds = {each["type"] for each in errors}
    if value is MISSING:
        return f"the key {key} has no value; give it on the command line as {key}=..."
    if "extra_forbidden" in kinds:
        return f"{key}={shown(value)} is an unknown key; remove it"
    if kinds == {"value_error"}:
        return "; ".join(str(each["ctx"]["error"]) for each in errors)
    if key in SECRET:
        return f"{key} must be {_allowed(errors[0])}"
    texts = dict.fromkeys(_allowed(each) for each in errors)
    return f"{key}={shown(value)} must be {' or '.join(texts)}"


def _allowed(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        return _choice(str(context["expected"]))
    numbers = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    template = ALLOWED.get(error["type"])
    return template.format(**numbers) if template else error["msg"].removeprefix("Input should be ")


def _choice(expected: str) -> str:
    """Format choices in Pydantic's writing, ``'a', 'b' or 'c'``, as a user types them."""
    words = expected.replace("'", "").replace(" or ", ", ")
    return f"one of {words}" if ", " in words else words.replace("True", "true").replace("False", "false")


def shown(value: Any) -> str:
    """Format a value as on the command line, cut if it is long."""
    text = _typed(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _typed(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        entries = (f"{key}: {_typed(each)}" for key, each in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_typed, value))}]"
    return str(value) or "''"
