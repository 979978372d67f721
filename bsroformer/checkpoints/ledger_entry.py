"""The ledger in checkpoints: an entry of ours, and one beside weights in a public layout.

This project's files hold it within their description of the model. Files of a public layout hold it in the metadata of
``.safetensors`` and in the YAML beside the weights, at the top level, where other programs ignore it.
"""

import json
from typing import Any

import yaml
from pydantic import ValidationError

from bsroformer.checkpoints.ledger import MAX_BYTES, MAX_DEPTH, Ledger
from bsroformer.checkpoints.ledger_text import UNKNOWN_LEDGER
from bsroformer.checkpoints.weight_file import WeightFile
from bsroformer.errors import InputError
from bsroformer.models.problems import problems_of
from bsroformer.models.public_yaml import YamlFile
from bsroformer.safe_files import ReadingLimits, parse_json

LEDGER = "ledger"
"""Entry in the description of a model of this project."""
PUBLIC_LEDGER = "bsroformer_ledger"
"""Entry of the ledger in files of a public layout."""
LIMITS = ReadingLimits(size=MAX_BYTES, depth=4 * MAX_DEPTH + 8, values=5_000)


def read_ledger(given: Any, source: str) -> tuple[Ledger | None, tuple[str, ...]]:
    """Read a ledger from a file, with a note if it is damaged.

    A damaged one is no reason to refuse the weights.

    Args:
        given: The plain data or JSON; None if there is none.
        source: The file and entry, for the note.
    """
    if given is None:
        return None, ()
    try:
        return parse_ledger(given, source), ()
    except InputError as error:
        return None, (f"{error}; it is ignored: {UNKNOWN_LEDGER}",)


def read_public_ledger(file: WeightFile, config: YamlFile | None) -> tuple[Ledger | None, tuple[str, ...]]:
    """Read the ledger of public weights: from their file, else from their YAML."""
    for holder in (file.metadata, file.entries):
        if PUBLIC_LEDGER in holder:
            return read_ledger(holder[PUBLIC_LEDGER], f"{file.path} ({PUBLIC_LEDGER})")
    if config is None:
        return None, ()
    return read_ledger(config.tree.get(PUBLIC_LEDGER), f"{config.path} ({PUBLIC_LEDGER})")


def public_metadata(ledger: Ledger | None) -> dict[str, str]:
    """Return the metadata of public ``.safetensors`` weights."""
    return {} if ledger is None else {PUBLIC_LEDGER: ledger.to_json()}


def yaml_section(ledger: Ledger | None) -> str:
    """Return the lines to append to a public YAML; empty without a ledger."""
    if ledger is None:
        return ""
    return yaml.safe_dump({PUBLIC_LEDGER: ledger.to_plain()}, sort_keys=False, allow_unicode=True, width=120)


def parse_ledger(given: Any, source: str) -> Ledger:
    """Check a ledger from an untrusted file.

    Args:
        given: The plain data, or its JSON.
        source: The file and entry, for messages.

    Raises:
        InputError: If it is not a ledger, or exceeds the limits.
    """
    text = given if isinstance(given, str) else _json_of(given, source)
    if len(text) > MAX_BYTES:
        raise _too_long(source)
    parse_json(text, source, LIMITS)
    try:
        return Ledger.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"{source} is not a ledger: {problems_of(error)}") from error


def _json_of(given: Any, source: str) -> str:
    """Write plain data as JSON, and stop beyond the limit: a list may be in many others."""
    text = ""
    try:
        for part in json.JSONEncoder().iterencode(given):
            text += part
            if len(text) > MAX_BYTES:
                break
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{source} is not a ledger: it holds values that are not plain") from error
    return text


def _too_long(source: str) -> InputError:
    return InputError(f"{source} is longer than the {MAX_BYTES:,} bytes of any ledger")
