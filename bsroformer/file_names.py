"""Legal names of files and folders, and the comparison of names."""

import os
import re
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

SYSTEM_FOLDERS = frozenset(
    {"@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "lost+found"}
)
"""Folders that NAS systems, archives and Windows create, in lower case."""
ILLEGAL_CHARACTERS = frozenset('<>:"/\\|?*')
"""Characters that Windows, whose rules are the strictest, allows in no name."""
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, with any suffix."""
BIDI_CONTROLS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Classes of characters that reorder the display of a name, and could disguise its suffix."""
MAX_BYTES = 200
"""Longest name as UTF-8: file systems allow 255, and a suffix or two may follow."""


def is_visible(name: str) -> bool:
    """Check that a file or folder is neither hidden nor created by a system.

    Files such as ``._song.wav`` of macOS are hidden.
    """
    return not name.startswith(".") and name.casefold() not in SYSTEM_FOLDERS


def normal(name: str) -> str:
    """Normalise accents to NFC.

    File systems and editors write them in different ways.
    """
    return unicodedata.normalize("NFC", name)


def existing(path: Path) -> Path:
    """Return the path in the accents of the existing file, or as given."""
    for form in (path, Path(normal(str(path))), Path(unicodedata.normalize("NFD", str(path)))):
        if form.exists():
            return form
    return path


def is_reserved(name: str) -> bool:
    """Check for the name of a Windows device."""
    return RESERVED.fullmatch(name) is not None


def is_legal(name: str) -> bool:
    """Check that every system accepts a name unchanged.

    It is not a path, hidden, or a device, and has no dot or space at its end.
    """
    illegal = any(character in ILLEGAL_CHARACTERS for character in name) or not name.isprintable()
    ends = not name or name[0] in ". " or name[-1] in ". "
    return not illegal and not ends and not is_reserved(name) and len(name.encode()) <= MAX_BYTES


def safe_name(text: str, otherwise: str, most_bytes: int = 100) -> str:
    """Replace what is illegal in a name on any system.

    The result is never empty, a path, hidden or a device.

    Args:
        text: Any characters.
        otherwise: The name if nothing is left of the text.
        most_bytes: Longest name as UTF-8.
    """
    shown = "".join("_" if _is_unsafe(character) else character for character in normal(text))
    bare = shown.strip(". ")
    allowed = f"_{bare}" if is_reserved(bare) else bare
    return allowed.encode()[:most_bytes].decode(errors="ignore").rstrip(". ") or otherwise


def distinct_names(texts: Iterable[str], otherwise: str) -> list[str]:
    """Make `safe_name`s that differ in more than case.

    A repeated name is prefixed with its number.
    """
    names: list[str] = []
    for number, text in enumerate(texts, start=1):
        name = safe_name(text, otherwise)
        taken = {other.casefold() for other in names}
        while name.casefold() in taken:
            name = f"{number} {name}"
        names.append(name)
    return names


def folder_name(name: str) -> str:
    """Escape any name to that of one folder.

    Different names give different folders; long names end in a digest.
    """
    flat = name.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C").replace("\0", "%00")
    if flat.startswith("."):
        flat = f"%2E{flat[1:]}"
    written = os.fsencode(flat)
    if len(written) <= MAX_BYTES:
        return flat
    beginning = written[: MAX_BYTES // 2].decode("utf-8", "ignore")
    return f"{beginning}-{blake2b(written, digest_size=8).hexdigest()}"


def visible_folder_name(name: str) -> str:
    """Change names of dots alone, and of devices on Windows, to legal ones."""
    if not name.strip(". "):
        return "_" * max(1, len(name))
    return f"_{name}" if is_reserved(name) else name


def _is_unsafe(character: str) -> bool:
    """Check for a character that is illegal or misleading in a name.

    These are separators, controls, half surrogate pairs, and reordering characters.
    """
    return (
        character in ILLEGAL_CHARACTERS
        or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in BIDI_CONTROLS
    )


def from_here(path: Path) -> Path:
    """Shorten a path below the working directory.

    A page then does not show the folders above it.
    """
    here = Path.cwd()
    resolved = path.resolve()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else path
