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
UNKNOWN = "<unknown>"
"""Name of the mixture minus the known stems, in a track that lacks several of the requested ones.

No file has this name.
"""
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
    """An audio stream of a file, and what to add to it or subtract from it.

    Attributes:
        path: The file.
        stream: Number of the audio stream.
        minus: Names of the stems to subtract, for ``rest`` and its like.
        plus: Names of the track's further files to add, for a sum of ``data.stem_map``.
        first: Name of the file that the others are added to, if it is not that of the stem.
    """

    path: Path
    stream: int = 0
    minus: tuple[str, ...] = ()
    plus: tuple[str, ...] = ()
    first: str = ""


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
        silent: Requested stems that it lacks and that are silent in it.
        uneven: True if its files may end before others, and silence follows them.
        weight: How often a second of it is drawn, relative to one of the data set.
        terms: Its licence and source, as far as its table or a `TermsReader` states them.
    """

    name: str
    split: str
    path: Path
    stems: Mapping[str, StemFile]
    whole: bool = True
    faults: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    uneven: bool = False
    weight: float = 1.0
    terms: SongTerms = NO_TERMS

    def stems_among(self, stems: Sequence[str]) -> list[str]:
        """List the stems of some that it has, with `UNKNOWN` at the end if it has that."""
        return [stem for stem in (*stems, UNKNOWN) if stem in self.stems]

    def missing_stems(self, stems: Sequence[str]) -> list[str]:
        """List the stems of some that it neither has nor is silent in."""
        return [stem for stem in stems if stem not in self.stems and stem not in self.silent]

    def pack_stems(self, stems: Sequence[str]) -> list[str]:
        """List the stems of its pack: all of some if it must have them, otherwise those that it has."""
        return list(stems) if self.whole and UNKNOWN not in self.stems else self.stems_among(stems)

    def case_mismatches(self, stems: Sequence[str]) -> dict[str, str]:
        """Map stems that are missing to files that differ from them in case only."""
        by_folded = {name.casefold(): name for name in self.stems}
        missing = [stem for stem in stems if stem not in self.stems]
        return {stem: by_folded[stem.casefold()] for stem in missing if stem.casefold() in by_folded}

    def parts(self, stems: Sequence[str]) -> list[str]:
        """List the files that the sums among some of its stems take beside their first."""
        return [part for stem in stems for part in self.stems[stem].plus]

    def file_names(self, stems: Sequence[str]) -> list[str]:
        """List the names of all files that some of its stems are made of."""
        firsts = [self.stems[stem].first or stem for stem in stems if not self.stems[stem].minus]
        return [*firsts, *self.parts(stems)]

    def with_rest(self, stems: Sequence[str]) -> "TrackFiles":
        """Add ``rest`` if it is requested and can be derived.

        No file may be named so, and the mixture and all other requested stems must exist.
        """
        known = tuple(stem for stem in stems if stem != REST)
        derivable = REST in stems and REST not in self.stems and MIXTURE in self.stems
        complete = all(stem in self.stems for stem in known)
        if not derivable or not known or not complete:
            return self
        return self._with_remainder(REST, known)

    def with_unknown(self, stems: Sequence[str]) -> "TrackFiles":
        """Add the part of its mixture that is in none of the known stems.

        If one stem is missing, that part is the stem; if several are, it is `UNKNOWN`, their sum. A training track
        without a mixture need not have every stem.
        """
        known = tuple(stem for stem in stems if stem in self.stems)
        missing = self.missing_stems(stems)
        if not missing or not known:
            return self
        if MIXTURE not in self.stems:
            return replace(self, whole=self.whole and self.split != "train")
        return self._with_remainder(missing[0] if len(missing) == 1 else UNKNOWN, known)

    def with_silence(self, stems: Sequence[str]) -> "TrackFiles":
        """Take missing stems for silent ones, unless it is a clip or has none of the stems."""
        if not self.whole or not self.stems_among(stems):
            return self
        return replace(self, silent=tuple(self.missing_stems(stems)))

    def _with_remainder(self, name: str, known: tuple[str, ...]) -> "TrackFiles":
        """Add the mixture minus known stems under a name."""
        remainder = replace(self.stems[MIXTURE], minus=known)
        return replace(self, stems={**self.stems, name: remainder})


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
