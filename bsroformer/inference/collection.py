"""Which files to separate, and where the stems of each go."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.audio.tags import read_marks
from bsroformer.data.names import is_visible
from bsroformer.errors import InputError


@dataclass(frozen=True)
class Song:
    """A file, and the folder of its stems."""

    source: Path
    folder: Path

    def done(self, files: Iterable[Path], mark: str) -> bool:
        """Whether its stems are there and bear the mark."""
        return all(mark in read_marks(path) for path in files)

    def check_room(self, files: Iterable[Path]) -> None:
        """Make sure that no file of somebody else is in the way of its stems.

        Raises:
            InputError: If one is.
        """
        for path in files:
            if path.is_file() and not read_marks(path):
                raise InputError(
                    f"{path} is there and was not written by this program: choose another output folder, or "
                    "overwrite=true to replace it"
                )


def find_songs(inputs: str | Path | Sequence[str | Path], output: str | Path, stems: Sequence[str]) -> list[Song]:
    """Find the files that are meant, each once, in the order of their names.

    The stems of ``<place>/<song>.<suffix>`` go to ``<output>/<place>/<song>/``, where a place is a folder below the one
    that all inputs share. Two files of one name keep their suffixes, as in ``<song> (wav)``. Folders are searched for
    audio, past hidden files and stems that this program wrote.

    Args:
        inputs: Files, folders or glob patterns. A name that is not there is kept: it fails when it is its turn.
        output: Where stems go.
        stems: Names of the stems that will be written.

    Raises:
        InputError: If there is no audio in a folder or behind a pattern, or a stem's file would replace an input.
    """
    named, found, root = _files([inputs] if isinstance(inputs, str | Path) else inputs)
    found = [path for path in found if path in named or not read_marks(path)]
    if not named + found:
        raise InputError("all files there are stems that this program wrote: name one to separate it again")
    sources = list({os.path.abspath(path): path for path in named + found}.values())  # noqa: PTH100 (links keep their names)
    songs = _with_folders(sources, root, Path(output))
    written = {song.folder.absolute() / stem for song in songs for stem in stems}
    for song in songs:
        if song.source.absolute().with_suffix("") in written:
            raise InputError(f"{song.source} would be replaced by a stem: choose another output folder")
    return sorted(songs, key=lambda song: song.folder)


def _files(inputs: Sequence[str | Path]) -> tuple[list[Path], list[Path], Path]:
    """Files that were named, files that were found, and the folder that they share."""
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
            roots.append(_fixed_part(path))
            matches = (Path(match) for match in sorted(glob.glob(each, recursive=True)))  # noqa: PTH207 (takes whole paths)
            found += _some((match for match in matches if match.is_file()), f"no file matches {each}")
    if not roots:
        raise InputError("there is nothing to separate: name a file, a folder or a pattern")
    return named, found, Path(os.path.commonpath([path.absolute() for path in roots]))


def _with_folders(sources: Sequence[Path], root: Path, output: Path) -> list[Song]:
    places = [output / os.path.relpath(path.absolute().parent, root) for path in sources]
    short = [place / path.stem.removesuffix(".stem") for place, path in zip(places, sources, strict=True)]
    count = Counter(str(folder).casefold() for folder in short)
    return [
        Song(path, folder if count[str(folder).casefold()] == 1 else place / f"{folder.name} ({path.suffix[1:]})")
        for path, place, folder in zip(sources, places, short, strict=True)
    ]


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
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _some(paths: Iterable[Path], otherwise: str) -> list[Path]:
    found = list(paths)
    if not found:
        raise InputError(f"{otherwise}: check the name")
    return found
