"""Audio files by name, folder or pattern."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.errors import InputError
from bsroformer.file_names import is_visible


def find_files(inputs: Sequence[str | Path]) -> tuple[list[Path], list[Path], Path]:
    """Find audio files by names, folders and patterns.

    Returns:
        The named files, those of folders and patterns, and the folder that all inputs share.

    Raises:
        InputError: If a folder or pattern has no audio files.
    """
    named: list[Path] = []
    found: list[Path] = []
    roots: list[Path] = []
    for each in map(str, inputs):
        path = Path(each)
        if path.is_dir():
            roots.append(path)
            found += _require_some(_audio_below(path), f"there is no audio file in the folder {path}")
        elif path.exists() or not glob.has_magic(each):
            roots.append(path.parent)
            named.append(path)
        else:
            matches = _require_some(_matches(path), f"no file matches {each}")
            roots += [_fixed_part(path), *(match.parent for match in matches)]
            found += matches
    if not roots:
        raise InputError("no songs to separate; name a file, a folder or a pattern")
    return named, found, _shared(roots)


def _shared(roots: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath([os.path.abspath(path) for path in roots]))  # noqa: PTH100
    except ValueError as error:  # Windows
        raise InputError("the inputs are on several drives; run one command for each drive") from error


def _matches(pattern: Path) -> list[Path]:
    """List the files of a pattern.

    ``[...]`` may be part of an existing name, as in ``Album [2019]/*.wav``.
    """
    readings = [_readings(part) for part in pattern.parts]
    for parts in product(*readings):
        matches = glob.glob(os.path.join(*parts), recursive=True)  # noqa: PTH118, PTH207 (takes whole paths)
        files = sorted(filter(Path.is_file, map(Path, matches)))
        if files:
            return files
    return []


def _readings(part: str) -> tuple[str, ...]:
    """Return a part of a pattern with literal brackets first, then as a pattern."""
    return (part.replace("[", "[[]"), part) if "[" in part else (part,)


def _audio_below(folder: Path) -> Iterator[Path]:
    """Yield the audio files below a folder.

    Links are followed, and each folder is searched once.
    """
    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(filter(is_visible, folders))
        for name in sorted(names):
            path = Path(parent) / name
            if path.suffix.lower() in AUDIO_SUFFIXES and is_visible(path.name):
                yield path


def _fixed_part(pattern: Path) -> Path:
    """Return the folder before the first part of a path that is a pattern."""
    fixed = Path(*pattern.parts[:0])
    for part in pattern.parts[:-1]:
        if glob.has_magic(part) and not (fixed / part).is_dir():
            break
        fixed /= part
    return fixed


def _require_some(paths: Iterable[Path], message: str) -> list[Path]:
    found = list(paths)
    if not found:
        raise InputError(f"{message}; check the name")
    return found
