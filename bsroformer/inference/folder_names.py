"""Names of the folders of songs: one for each song, on every file system."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bsroformer.data.names import normal
from bsroformer.file_state import word_for

RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)")
"""Names of devices, which no file of Windows can have, with whatever suffix."""
TRAILING = re.compile(r"[. ]+$")
"""Windows drops these from the end of a name; ``.`` and ``..`` are other folders everywhere."""


def song_folders(sources: Sequence[Path], root: Path, output: Path) -> list[Path]:
    """Choose the folder of each song: ``<output>/<place below the root>/<name>``.

    Songs that would share a folder get longer names, in this order: ``song``, ``song (wav)``, ``song.wav`` and
    ``song.wav 1b5e01ad``. Names that differ in capitals or in how accents are written are the same to some systems.
    """
    places = [output / os.path.relpath(os.path.abspath(path.parent), root) for path in sources]  # noqa: PTH100
    names = [_names(path) for path in sources]
    levels = [0] * len(sources)
    while True:
        folders = [place / own[level] for place, own, level in zip(places, names, levels, strict=True)]
        count = Counter(map(_key, folders))
        clashing = [number for number, folder in enumerate(folders) if count[_key(folder)] > 1]
        extendable = [number for number in clashing if levels[number] < len(names[number]) - 1]
        if not extendable:
            return folders
        for number in extendable:
            levels[number] += 1


def _names(source: Path) -> tuple[str, ...]:
    """The names that a song's folder may have, the preferred one first."""
    whole = portable(source.name)
    title = source.stem.removesuffix(".stem") or source.stem  # of a .stem.mp4, which holds the mixture too
    short = portable(title)
    unique = f"{whole} {word_for(os.path.abspath(source))[:8]}"  # noqa: PTH100
    return short, f"{short} ({source.suffix[1:]})", whole, unique


def portable(name: str) -> str:
    """Change what no folder may be called: trailing dots and blanks, and the names of Windows' devices."""
    name = TRAILING.sub(lambda found: "_" * len(found[0]), name)
    return RESERVED.sub(r"\1_", name, count=1) if RESERVED.match(name) else name


def _key(folder: Path) -> str:
    """A text that is the same for folders that are the same to some file system."""
    return normal(normal(str(folder)).casefold())
