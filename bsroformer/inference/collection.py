"""The songs of a command, and the folder of the stems of each."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.audio.tags import read_marks
from bsroformer.errors import InputError
from bsroformer.inference.folder_names import song_folders
from bsroformer.inference.input_files import find_files
from bsroformer.inference.stem_marks import StemMark


@dataclass(frozen=True)
class Song:
    """A file, and the folder of its stems."""

    source: Path
    folder: Path

    def done(self, files: Sequence[Path], mark: str) -> bool:
        """Check that all its stems exist and bear the mark of this file and these settings."""
        wanted = StemMark.parse(mark)
        return all(any(wanted.same_stems(known) for known in marks_of(path)) for path in files)

    def check_room(self, files: Sequence[Path], mark: str) -> None:
        """Make sure that the stems replace no other file, and are not put among stems of another song.

        Raises:
            InputError: If they would.
        """
        remedy = "choose another output folder, or overwrite=true to replace it"
        if foreign := next((path for path in files if path.is_file() and not marks_of(path)), None):
            raise InputError(f"{foreign} is there and was not written by this program: {remedy}")
        wanted = StemMark.parse(mark)
        for path, known in self._marked():
            if not any(wanted.same_song(each) for each in known):
                whose = "another song" if all(each.place for each in known) else "a song that it does not name"
                raise InputError(f"{self.source}: {path} is a stem of {whose}; {remedy}")

    def other_stems(self, files: Sequence[Path], mark: str) -> list[Path]:
        """List the stems in the folder that are not among `files` and have another mark."""
        wanted, replaced = StemMark.parse(mark), set(files)
        stems = [(path, known) for path, known in self._marked() if path not in replaced]
        return [path for path, known in stems if not any(wanted.same_stems(each) for each in known)]

    def _marked(self) -> Iterator[tuple[Path, list[StemMark]]]:
        """Files in the folder that this program wrote, with their marks."""
        for path in sorted(self.folder.glob("*")):
            if path.suffix.lower() in AUDIO_SUFFIXES and (known := marks_of(path)):
                yield path, known


def marks_of(path: Path) -> list[StemMark]:
    """Read the marks of a stem; none if this program did not write the file."""
    return [StemMark.parse(word) for word in read_marks(path)]


def find_songs(inputs: str | Path | Sequence[str | Path], output: str | Path, stems: Sequence[str]) -> list[Song]:
    """Find the files that are meant, each once, in the order of their names.

    The stems of ``<place>/<song>.<suffix>`` go to ``<output>/<place>/<song>/``, where a place is a folder below the one
    that all inputs share; see `song_folders` for songs of one name. Folders are searched for audio, except hidden files
    and stems that this program wrote.

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
    folders = song_folders(sources, root, Path(output))
    songs = [Song(source, folder) for source, folder in zip(sources, folders, strict=True)]
    written = {_without_suffix(song.folder / f"{stem}.wav") for song in songs for stem in stems}
    for song in songs:
        if _without_suffix(song.source) in written:
            raise InputError(f"{song.source} would be replaced by a stem: choose another output folder")
    return sorted(songs, key=lambda song: song.folder)


def _without_suffix(path: Path) -> str:
    """The path of an audio file without its format, the same for all that some file system takes for one file."""
    return os.path.splitext(os.path.abspath(path))[0].casefold()  # noqa: PTH100, PTH122
