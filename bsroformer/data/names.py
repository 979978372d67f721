"""Names of files as they are compared, and those that systems leave in folders of music."""

import unicodedata
from pathlib import Path

OF_SYSTEMS = frozenset({"@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "lost+found"})
"""Folders that NAS systems, archives and Windows make. Hidden files, as ``._song.wav`` of macOS, begin with a dot."""


def is_visible(name: str) -> bool:
    """Check that a file or folder is not hidden, nor one that a system made for itself."""
    return not name.startswith(".") and name.casefold() not in OF_SYSTEMS


def normal(name: str) -> str:
    """Write accents in one way (NFC), since file systems and editors differ in it."""
    return unicodedata.normalize("NFC", name)


def existing(path: Path) -> Path:
    """Return the path with the accents of the file that exists; as it is where none does."""
    forms = [path, *(Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD"))]
    return next((form for form in forms if form.exists()), path)
