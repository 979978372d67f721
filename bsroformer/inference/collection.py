"""Which files to separate, and where the stems of each go."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path

from bsroformer.audio.tags import read_marks
from bsroformer.errors import InputError
from bsroformer.file_names import is_reserved, normal
from bsroformer.file_state import file_state, word_for
from bsroformer.inference.input_files import find_files

DIGITS = 12
"""Of each digest in a mark."""


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
    named, found, root = find_files([inputs] if isinstance(inputs, str | Path) else inputs)
    found = [path for path in found if path in named or not read_marks(path)]
    if not named + found:
        raise InputError("all files there are stems that this program wrote: name one to separate it again")
    sources = list({os.path.abspath(path): path for path in named + found}.values())  # noqa: PTH100 (links keep their names)
    songs = _with_folders(sources, root, Path(output))
    written = {_without_suffix(song.folder / f"{stem}.wav") for song in songs for stem in stems}
    for song in songs:
        if _without_suffix(song.source) in written:
            raise InputError(f"{song.source} would be replaced by a stem: choose another output folder")
    return sorted(songs, key=lambda song: song.folder)


def _with_folders(sources: Sequence[Path], root: Path, output: Path) -> list[Song]:
    places = [output / os.path.relpath(os.path.abspath(path.parent), root) for path in sources]  # noqa: PTH100
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
    return f"_{name}" if is_reserved(name) else name


def _compared(folder: Path) -> str:
    """A path as file systems compare it that ignore capitals and the form of accents."""
    return normal(str(folder)).casefold()


def _free_folder(folder: Path, taken: Collection[str]) -> Path:
    """The folder, or the first of ``<folder> (2)``, ``(3)``... that no other song has."""
    candidates = (folder if number == 1 else folder.with_name(f"{folder.name} ({number})") for number in count_from(1))
    return next(candidate for candidate in candidates if _compared(candidate) not in taken)


def _without_suffix(path: Path) -> str:
    """The path of an audio file without its format, the same for all that some file system takes for one file."""
    return os.path.splitext(os.path.abspath(path))[0].casefold()  # noqa: PTH100, PTH122
