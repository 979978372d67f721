"""Names and passwords of those who may use the page."""

import yaml

from bsroformer.errors import InputError

REMEDY = "auth must be name:password, or a list of these: auth=[anna:secret,ben:other]"
"""Without the value, which holds passwords."""


def accounts_of(given: object) -> tuple[tuple[str, str], ...]:
    """The accounts that ``auth`` lists.

    Args:
        given: A list of ``name:password``; or, as an environment variable has it, text: one, several between commas,
            or a list in brackets. A comma is part of a password unless another ``name:`` follows it, or the list
            has quotes.

    Returns:
        Names and passwords.

    Raises:
        InputError: If one lacks a name or a password, or a name has two; the message repeats none of them.
    """
    listed = _listed(given.strip()) if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise InputError(REMEDY)
    accounts = tuple(_account(each) for each in listed)
    names = [name for name, _ in accounts]
    if not accounts or len(set(names)) < len(names):
        raise InputError(REMEDY + ", each name once")
    return accounts


def _listed(text: str) -> object:
    """The parts of a list that is written as text."""
    if not (text.startswith("[") and text.endswith("]")):
        return _between_commas(text)
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)  # which takes every value as text
    except yaml.YAMLError:
        return _between_commas(text[1:-1])


def _between_commas(text: str) -> list[str]:
    parts: list[str] = []
    for part in text.split(","):
        if parts and ":" not in part:
            parts[-1] += f",{part}"
        else:
            parts.append(part.strip())
    return parts


def _account(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise InputError(REMEDY)
    return name, password
