"""The licence and the source of songs, as their folders state them.

A folder states them in ``metadata.json``, ``metadata.yaml`` or ``metadata.yml`` by the keys ``license`` and
``source``, or its licence in ``LICENSE``, ``LICENSE.txt`` or ``license.txt``.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.safe_files import ReadingLimits, read_json, read_text, read_yaml

METADATA = ("metadata.json", "metadata.yaml", "metadata.yml")
LICENSE_FILES = ("LICENSE", "LICENSE.txt", "license.txt")
LIMITS = ReadingLimits(size=2**18)
"""Limits of these files: the longest common licence has 35 kB."""
UNKNOWN = "unknown"
"""Licence of a song for which none is stated, or whose statement cannot be read."""
MAX_CHARACTERS = 200
"""Characters of a licence or source that are kept."""
SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]+)")
UNTITLED = ("creative commons legal code",)
"""First lines that name no licence; the next line does."""
LOCAL = re.compile(r"(?i)^(file:|~|[a-z]:[\\/]|[\\/])")
"""Start of a source that is a path on one machine."""


@dataclass(frozen=True)
class SongTerms:
    """Licence and source of a song.

    Attributes:
        license: Its licence: an SPDX identifier or the title of a text; None if unknown.
        source: Where it was obtained, such as an address; None if unknown.
        data_set: Name of its data set; empty if unknown.
    """

    license: str | None = None
    source: str | None = None
    data_set: str = ""

    def completed(self, others: "SongTerms") -> "SongTerms":
        """Fill in what is unknown from others."""
        return SongTerms(self.license or others.license, self.source or others.source, self.data_set or others.data_set)


NO_TERMS = SongTerms()


def terms_in(folder: Path) -> SongTerms:
    """Read the licence and source that the files of a folder state.

    Raises:
        InputError: If a file cannot be read, or has values that are not text.
    """
    terms = SongTerms()
    for name in METADATA:
        path = folder / name
        if path.is_file():
            terms = terms.completed(_of_metadata(path))
    for name in LICENSE_FILES:
        path = folder / name
        if terms.license is None and path.is_file():
            terms = terms.completed(SongTerms(license_of_text(read_text(path, LIMITS))))
    return terms


def _of_metadata(path: Path) -> SongTerms:
    tree = read_json(path, LIMITS) if path.suffix == ".json" else read_yaml(path, LIMITS)
    if not isinstance(tree, dict):  # a file of another program
        return SongTerms()
    return SongTerms(_text(tree, "license", path), source_text(_text(tree, "source", path)))


def _text(tree: dict[str, Any], key: str, path: Path) -> str | None:
    value = tree.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError(f"{path}: {key} must be text, got a {type(value).__name__}; write it as text")
    return one_line(value)


def license_of_text(text: str) -> str | None:
    """Name a licence by its text: the SPDX identifier in it, or its first line."""
    identifier = SPDX.search(text)
    if identifier is not None:
        return one_line(identifier[1])
    lines = [line for line in map(one_line, text.splitlines()) if line and re.search(r"\w", line)]
    named = [line for line in lines[:2] if line.casefold() not in UNTITLED]
    return named[0] if named else None


def source_text(text: str | None) -> str | None:
    """Shorten a source that is a path on one machine to its last name."""
    if text is None or not LOCAL.match(text):
        return text
    return re.split(r"[\\/]", text.rstrip("\\/"))[-1] or None


def one_line(text: str) -> str | None:
    """Write text in one printable line of limited length; None if it is empty."""
    spaced = " ".join(text.split())
    printable = "".join(character for character in spaced if character.isprintable())
    return printable[:MAX_CHARACTERS].strip() or None
