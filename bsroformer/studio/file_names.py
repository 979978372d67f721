"""Legal file names for any computer, from titles and stem names."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

FORBIDDEN = frozenset('<>:"/\\|?*')
"""Characters that Windows, whose rules are the strictest, forbids."""
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""Names of its devices, with any suffix."""
DIRECTION_MARKS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Bidirectional classes that reorder a name, so that it seems to have another suffix."""


def safe_name(text: str, fallback: str, max_bytes: int = 100) -> str:
    """Turn text into a legal name of a file or folder: never empty, a path, hidden or a device.

    Args:
        text: Any characters.
        fallback: The name if no character is left.
        max_bytes: Limit of its length as UTF-8.
    """
    characters = unicodedata.normalize("NFC", text)
    name = "".join("_" if _is_unsafe(character) else character for character in characters).strip(". ")
    if RESERVED.fullmatch(name):
        name = f"_{name}"
    return name.encode()[:max_bytes].decode(errors="ignore").rstrip(". ") or fallback


def distinct_names(texts: Iterable[str], fallback: str) -> list[str]:
    """Turn several texts into distinct legal names; of two equal names, the later one is prefixed with its number."""
    names: list[str] = []
    for number, text in enumerate(texts, start=1):
        name = safe_name(text, fallback)
        taken = {other.casefold() for other in names}
        while name.casefold() in taken:
            name = f"{number} {name}"
        names.append(name)
    return names


def _is_unsafe(character: str) -> bool:
    """Return whether a character separates folders, controls a terminal, is half a character or reorders others."""
    return (
        character in FORBIDDEN
        or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in DIRECTION_MARKS
    )


def relative_path(path: Path) -> Path:
    """Return a path for visitors: if it is below the working directory, without the folders above that."""
    folder = Path.cwd()
    resolved = path.resolve()
    return resolved.relative_to(folder) if resolved.is_relative_to(folder) else path
