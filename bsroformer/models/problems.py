"""Sentences about settings that pydantic refuses; keys and values of a file may be of any length."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

MAX_PROBLEMS = 5
"""Wrong settings in one message."""
MAX_SHOWN = 60
"""Characters of a value in a message."""


def problems_of(error: ValidationError) -> str:
    """Describe the first `MAX_PROBLEMS` settings that pydantic refuses, and count the others."""
    problems = error.errors(include_url=False, include_context=False)
    first = "; ".join(f"{_key_of(problem)}: {describe_problem(problem)}" for problem in problems[:MAX_PROBLEMS])
    more = len(problems) - MAX_PROBLEMS
    return first + (f"; and {more} more" if more > 0 else "")


def _key_of(problem: Mapping[str, Any]) -> str:
    return shortened(".".join(shortened(str(part)) for part in problem["loc"])) or "as a whole"


def describe_problem(problem: Mapping[str, Any]) -> str:
    """Describe a problem within a sentence, with the value if it is plain."""
    message = shortened(problem["msg"].removeprefix("Value error, "), 200)
    given = problem["input"]
    plain = isinstance(given, str | bool | int | float | None)
    shown = f" (got {shortened(_literal(given))})" if plain and problem["type"] != "missing" else ""
    return message[:1].lower() + message[1:] + shown


def _literal(value: str | bool | float | None) -> str:
    """Write a value as Python does; a number with thousands of digits is only named."""
    if isinstance(value, str):
        return repr(value[:MAX_SHOWN])
    try:
        return repr(value)
    except ValueError:  # Python refuses to write it
        return "a number with too many digits"


def shortened(text: str, longest: int = MAX_SHOWN) -> str:
    """Keep the beginning and the end of a long text."""
    return text if len(text) <= longest else f"{text[: longest - 20]}...{text[-20:]}"
