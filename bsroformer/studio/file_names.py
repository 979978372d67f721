"""Names for files on anybody's computer, from what people and checkpoints call things."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

SEPARATORS_AND_THE_LIKE = frozenset('<>:"/\\|?*')
"""What Windows, whose rules are the strictest, has in no name."""
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""Its devices, whatever follows the dot."""
DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Characters that show a name in another order, so that an ending is not what it seems to be."""


def safe_name(text: str, otherwise: str, most_bytes: int = 100) -> str:
    """The nearest name of a file or folder that every system takes: never empty, a path, hidden or a device.

    Args:
        text: Any characters.
        otherwise: The name where nothing is left of it.
        most_bytes: Its length as UTF-8.
    """
    shown = "".join("_" if _is_unsafe(character) else character for character in unicodedata.normalize("NFC", text))
    bare = shown.strip(". ")
    allowed = f"_{bare}" if RESERVED.fullmatch(bare) else bare
    return allowed.encode()[:most_bytes].decode(errors="ignore").rstrip(". ") or otherwise


def distinct_names(texts: Iterable[str], otherwise: str) -> list[str]:
    """The same for several names side by side; where two fall together, the later one gets its number before it."""
    names: list[str] = []
    for number, text in enumerate(texts, start=1):
        name = safe_name(text, otherwise)
        taken = {other.casefold() for other in names}
        while name.casefold() in taken:
            name = f"{number} {name}"
        names.append(name)
    return names


def _is_unsafe(character: str) -> bool:
    """Whether it separates folders, controls something, is half a character or reverses others."""
    return (
        character in SEPARATORS_AND_THE_LIKE
        or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in DIRECTIONS
    )


def from_here(path: Path) -> Path:
    """A path as visitors may see it: below the working directory, without the folders above that."""
    here = Path.cwd()
    resolved = path.resolve()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else path
