"""The ledger in checkpoints: an entry of ours, and one beside weights in a public layout.

This project's files hold it within their description of the model. Files of a public layout hold it in the metadata of
``.safetensors`` and in the YAML beside the weights, at the top level, where other programs ignore it.
"""

from typing import Any

import yaml

from bsroformer.checkpoints.ledger import UNKNOWN_LEDGER, Ledger, parse_ledger
from bsroformer.checkpoints.weight_file import WeightFile
from bsroformer.errors import InputError
from bsroformer.models.public_yaml import YamlFile

LEDGER = "ledger"
"""Entry in the description of a model of this project."""
PUBLIC_LEDGER = "bsroformer_ledger"
"""Entry of the ledger in files of a public layout."""


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
