"""The files of a track, as a layout lists them: nothing is opened yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.data.song_terms import NO_TERMS, SongTerms
from bsroformer.errors import InputError
from bsroformer.file_names import is_visible
from bsroformer.text import listed

MIXTURE = "mixture"
REST = "rest"
"""Name in ``data.stems`` of the mixture minus all other stems that are named there."""
SPLITS = ("train", "valid", "test")
MAX_ENTRIES_NAMED = 5
"""Entries of a folder that a message lists."""


@dataclass(frozen=True)
class TrackFormat:
    """Format that all tracks must have.

    Attributes:
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Channels of each stem.
    """

    stems: Sequence[str]
    sample_rate: int
    channels: int

    def __post_init__(self) -> None:
        """Refuse a word instead of a list, since its letters would be taken for stems.

        Raises:
            InputError: If it is one, or the list is empty.
        """
        if isinstance(self.stems, str) or not self.stems:
            raise InputError(f"data.stems={self.stems} must be a list of words; write data.stems=[vocals,other]")


@dataclass(frozen=True)
class StemFile:
    """An audio stream of a file, and stems to subtract from it.

    Attributes:
        path: The file.
        stream: Number of the audio stream.
        minus: Names of the stems to subtract, for ``rest``.
    """

    path: Path
    stream: int = 0
    minus: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackFiles:
    """The files of a track, or of a clip of one stem.

    Attributes:
        name: The track's name, unlike all others of its split.
        split: ``train``, ``valid`` or ``test``.
        path: Its file or folder.
        stems: All stems on disk, requested or not, and ``mixture`` if there is one.
        whole: True if it must have every stem; False for a clip and for a track of further material.
        faults: Faults that the layout found, a sentence each.
        terms: Its licence and source, as far as its table or a `TermsReader` states them.
    """

    name: str
    split: str
    path: Path
    stems: Mapping[str, StemFile]
    whole: bool = True
    faults: tuple[str, ...] = ()
    terms: SongTerms = NO_TERMS

    def renamed(self, stem_map: Mapping[str, str]) -> "TrackFiles":
        """Give files the names of the stems that they hold; two files of one name are a fault of the track.

        Args:
            stem_map: Names of stems, by the names of their files.
        """
        names: dict[str, list[str]] = {}
        for name in self.stems:
            names.setdefault(stem_map.get(name, name), []).append(name)
        faults = [
            f"{self.path} has {' and '.join(several)}, which are both {stem} by data.stem_map; change it, or remove "
            "one of them."
            for stem, several in names.items()
            if len(several) > 1
        ]
        stems = {stem: self.stems[first] for stem, (first, *_) in names.items()}
        return replace(self, stems=stems, faults=(*self.faults, *faults))

    def with_rest(self, stems: Sequence[str]) -> "TrackFiles":
        """Add ``rest`` if it is requested and can be derived.

        No file may be named so, and the mixture and all other requested stems must exist.
        """
        known = tuple(stem for stem in stems if stem != REST)
        derivable = REST in stems and REST not in self.stems and MIXTURE in self.stems
        complete = all(stem in self.stems for stem in known)
        if not derivable or not known or not complete:
            return self
        mixture = self.stems[MIXTURE]
        rest = StemFile(mixture.path, mixture.stream, minus=known)
        return replace(self, stems={**self.stems, REST: rest})


def audio_files(folder: Path) -> list[Path]:
    """List the visible audio files of a folder, in the order of names.

    Raises:
        InputError: The folder cannot be read.
    """
    return [path for path in entries(folder) if is_audio(path)]


def audio_files_below(folder: Path) -> Iterator[Path]:
    """Yield the visible audio files of a folder and of those below it.

    Links to folders are followed.

    Raises:
        InputError: A folder cannot be read.
    """
    seen: set[Path] = set()  # a link may lead back
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        if current.resolve() in seen:
            continue
        seen.add(current.resolve())
        found = entries(current)
        yield from (path for path in found if is_audio(path))
        waiting += [path for path in reversed(found) if path.is_dir()]


def entries(folder: Path) -> list[Path]:
    """List the visible files and folders of a folder, in the order of names.

    Raises:
        InputError: The folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if is_visible(path.name))
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); check its permissions.") from error


def describe_entries(folder: Path) -> str:
    """List the first entries of a folder as a phrase, or ``nothing``."""
    names = [path.name for path in entries(folder)]
    return listed(names, MAX_ENTRIES_NAMED) or "nothing"


def is_audio(path: Path) -> bool:
    """Check for a visible audio file."""
    return path.suffix.lower() in AUDIO_SUFFIXES and is_visible(path.name) and path.is_file()
