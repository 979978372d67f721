"""Which files to separate, and where the stems of each go."""

import glob
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.audio.tags import read_marks
from bsroformer.data.names import is_visible, normal
from bsroformer.errors import InputError
from bsroformer.file_state import file_state, word_for

DIGITS = 12
"""Of each digest in a mark."""
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{name}{number}" for name in ("COM", "LPT") for number in range(1, 10))}
"""Names of devices on Windows, whatever follows after a dot."""


@dataclass(frozen=True)
class Song:
    """A file, and the folder of its stems."""

    source: Path
    folder: Path

    def mark(self, settings: str) -> str:
        """The mark of its stems: digests of its path, of its name, size and time, and of the settings."""
        path = word_for(os.path.abspath(self.source))  # noqa: PTH100 (a link keeps its name)
        return "_".join([path[:DIGITS], word_for(file_state(self.source))[:DIGITS], settings])

    def done(self, files: Iterable[Path], mark: str) -> bool:
        """Whether its stems are there, from the same file and settings."""
        _, file, settings = mark.split("_")
        return all(any(found[1:] == [file, settings] for found in _parts(path)) for path in files)

    def check_room(self, files: Iterable[Path], mark: str) -> None:
        """Make sure that no file of the user's, nor a stem of another song, is in the way of its stems.

        Raises:
            InputError: If one is.
        """
        place, file, _ = mark.split("_")
        for path in files:
            if not path.is_file():
                continue
            marks = read_marks(path)
            if not marks:
                raise InputError(
                    f"{path} is there and was not written by this program: choose another output folder, or "
                    "overwrite=true to replace it"
                )
            known = _parts(path)
            if known and not any(found[0] == place or found[1] == file for found in known):
                raise InputError(
                    f"{path} is a stem of another song of this name: choose another output folder, or "
                    "overwrite=true to replace it"
                )

    def of_other_settings(self, files: Iterable[Path], mark: str) -> list[Path]:
        """Stems in the song's folder, besides those of `files`, that were made with other settings."""
        written, settings = set(files), mark.split("_")[2]
        others = [path for path in sorted(self.folder.glob("*.*")) if path not in written]
        return [path for path in others if any(found[2] != settings for found in _parts(path))]


def _parts(path: Path) -> list[list[str]]:
    """The marks of a file in their three parts; earlier versions wrote one, by which no song is known."""
    return [mark.split("_") for mark in read_marks(path) if mark.count("_") == 2]


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
    short = [place / folder_name(path.stem.removesuffix(".stem")) for place, path in zip(places, sources, strict=True)]
    count = Counter(map(_compared, short))
    taken = {key for key, songs in count.items() if songs == 1}
    songs = []
    for path, place, folder in sorted(zip(sources, places, short, strict=True)):
        if count[_compared(folder)] > 1:
            folder = _free_folder(place / f"{folder_name(path.stem)} ({path.suffix[1:]})", taken)
            taken.add(_compared(folder))
        songs.append(Song(path, folder))
    return songs


def folder_name(name: str) -> str:
    """A name that a folder of its own may have: none of dots alone, or one that Windows keeps for devices."""
    if not name.strip(". "):
        return "_" * max(1, len(name))
    return f"_{name}" if name.split(".")[0].upper() in RESERVED else name


def _compared(folder: Path) -> str:
    """A path as file systems compare it that ignore capitals and the form of accents."""
    return normal(str(folder)).casefold()


def _free_folder(folder: Path, taken: Collection[str]) -> Path:
    """The folder, or the first of ``<folder> (2)``, ``(3)``... that no other song has."""
    candidates = (folder if number == 1 else folder.with_name(f"{folder.name} ({number})") for number in count_from(1))
    return next(candidate for candidate in candidates if _compared(candidate) not in taken)


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
