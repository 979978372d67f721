"""The audio files that names, folders and patterns stand for."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.errors import InputError
from bsroformer.file_names import is_visible


def find_files(inputs: Sequence[str | Path]) -> tuple[list[Path], list[Path], Path]:
    """Find the files that were named, those in folders or behind patterns, and the folder that all inputs share.

    Raises:
        InputError: If there is no audio in a folder or behind a pattern.
    """
    named, found, roots = [], [], []
    for each in map(str, inputs):
        path = Path(each)
        if path.is_dir():
            roots.append(path)
            found += _some(_audio_below(path), f"there is no audio file in the folder {path}")
        elif path.exists() or not glob.has_magic(each):
            roots.append(path.parent)
            named.append(path)
        else:
            matches = _some(_matches(path), f"no file matches {each}")
            roots += [_fixed_part(path), *(match.parent for match in matches)]
            found += matches
    if not roots:
        raise InputError("there is nothing to separate: name a file, a folder or a pattern")
    return named, found, _shared(roots)


def _shared(roots: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath([os.path.abspath(path) for path in roots]))  # noqa: PTH100
    except ValueError as error:  # Windows
        raise InputError("the inputs are on several drives: separate each drive's by a command of its own") from error


def _matches(pattern: Path) -> list[Path]:
    """Files that a pattern matches; ``[...]`` is part of a name if there is one, as in ``Album [2019]/*.wav``."""
    readings = [(part.replace("[", "[[]"), part) if "[" in part else (part,) for part in pattern.parts]
    for parts in product(*readings):
        matches = glob.glob(os.path.join(*parts), recursive=True)  # noqa: PTH118, PTH207 (takes whole paths)
        if files := sorted(filter(Path.is_file, map(Path, matches))):
            return files
    return []


def _audio_below(folder: Path) -> Iterator[Path]:
    """Every audio file in a folder and those below it, links followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(filter(is_visible, folders))
        for path in (Path(place) / name for name in sorted(names)):
            if path.suffix.lower() in AUDIO_SUFFIXES and is_visible(path.name):
                yield path


def _fixed_part(pattern: Path) -> Path:
    """The folder up to the first part of a pattern that is one."""
    fixed = Path(*pattern.parts[:0])
    for part in pattern.parts[:-1]:
        if glob.has_magic(part) and not (fixed / part).is_dir():
            break
        fixed /= part
    return fixed


def _some(paths: Iterable[Path], otherwise: str) -> list[Path]:
    found = list(paths)
    if not found:
        raise InputError(f"{otherwise}: check the name")
    return found
