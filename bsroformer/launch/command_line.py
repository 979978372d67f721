"""Paths on the command line, as the shell gives them."""

import re
from collections.abc import Sequence

from bsroformer.launch.config import PATHS

_PLAIN = re.compile(r"[\w./\\:-]*")  # what Hydra's grammar takes for a word
_HYDRA_SYNTAX = ("'", '"', "[", "${")
_MAPPING = re.compile(r"\{[^{}:,]+:.*\}")


def quote_paths(arguments: Sequence[str]) -> list[str]:
    """Quote the values of path keys, so that Hydra takes them as they are.

    Its grammar has a meaning for ``~ ( ) , = '`` and the like: unquoted, ``input=Song (Live).mp3`` is an error.
    Values that already are in Hydra's syntax (quoted, a list, a mapping, an interpolation) stay.
    """
    return [_quoted(argument) for argument in arguments]


def _quoted(argument: str) -> str:
    key, equals, value = argument.partition("=")
    if key not in PATHS or not equals or value.startswith(_HYDRA_SYNTAX):
        return argument
    if _PLAIN.fullmatch(value) or _MAPPING.fullmatch(value):
        return argument
    escaped = value.replace("'", "\\'")
    return f"{key}='{escaped}'"
