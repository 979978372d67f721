"""Error messages for settings that pydantic rejects.

Keys and values of a file may be of any length, so they are shortened.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

MAX_PROBLEMS = 5
"""Wrong settings that one message names."""
MAX_SHOWN = 60
"""Characters of a value in a message."""


def problems_of(error: ValidationError) -> str:
    """Describe the first settings that pydantic rejects, and count the others."""
    problems = error.errors(include_url=False, include_context=False)
    described = "; ".join(f"{_key_of(problem)}: {describe_problem(problem)}" for problem in problems[:MAX_PROBLEMS])
    more = len(problems) - MAX_PROBLEMS
    if more > 0:
        return f"{described}; and {more} more"
    return described


def _key_of(problem: Mapping[str, Any]) -> str:
    key = ".".join(shortened(str(part)) for part in problem["loc"])
    return shortened(key) or "as a whole"


def describe_problem(problem: Mapping[str, Any]) -> str:
    """Describe a problem within a sentence, with the value if it is plain."""
    message = shortened(problem["msg"].removeprefix("Value error, "), 200)
    sentence = message[:1].lower() + message[1:]
    given = problem["input"]
    plain = isinstance(given, str | bool | int | float | None)
    if not plain or problem["type"] == "missing":
        return sentence
    return f"{sentence} (got {shortened(_literal(given))})"


def _literal(value: str | bool | float | None) -> str:
    """Format a value as Python does, except for numbers with thousands of digits."""
    if isinstance(value, str):
        return repr(value[:MAX_SHOWN])
    try:
        return repr(value)
    except ValueError:  # Python does not format it
        return "a number with too many digits"


def shortened(text: str, longest: int = MAX_SHOWN) -> str:
    """Cut the middle out of a long text."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 20]}...{text[-20:]}"
