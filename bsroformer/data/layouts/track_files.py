"""The files of a song, as a layout has them: nothing is opened yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.errors import InputError
from bsroformer.file_names import is_visible

MIXTURE = "mixture"
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class TrackFormat:
    """What songs must have.

    Attributes:
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Of each stem.
    """

    stems: Sequence[str]
    sample_rate: int
    channels: int

    def __post_init__(self) -> None:
        """Refuse a word where a list is wanted: its letters would be taken for stems.

        Raises:
            InputError: If it is one, or the list is empty.
        """
        if isinstance(self.stems, str) or not self.stems:
            raise InputError(f"data.stems={self.stems} must be a list of words: write data.stems=[vocals,other]")


@dataclass(frozen=True)
class StemFile:
    """Where a stem is: an audio stream of a file, from which other stems of the song may have to be subtracted.

    Attributes:
        path: The file.
        stream: Which of its audio streams.
        minus: Names of the stems to subtract, of a ``rest``.
    """

    path: Path
    stream: int = 0
    minus: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackFiles:
    """The files of a song, or of a clip of one stem.

    Attributes:
        name: The song's name, unlike all others of its split.
        split: ``train``, ``valid`` or ``test``.
        path: Its file or folder.
        stems: The stems that are there, wanted or not, and ``mixture`` if it is.
        whole: Whether it must have every stem: a song must; a clip, or a song of further material, need not.
        faults: What is wrong with it already, a sentence each.
    """

    name: str
    split: str
    path: Path
    stems: Mapping[str, StemFile]
    whole: bool = True
    faults: tuple[str, ...] = ()


def audio_files(folder: Path) -> list[Path]:
    """The visible audio files of a folder in the order of names.

    Raises:
        InputError: The folder cannot be read.
    """
    return [path for path in entries(folder) if is_audio(path)]


def audio_files_below(folder: Path) -> Iterator[Path]:
    """The visible audio files of a folder and of those below it, links to folders included, folder by folder.

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
        waiting += reversed([path for path in found if path.is_dir()])


def entries(folder: Path) -> list[Path]:
    """List the visible files and folders of a folder, in the order of names.

    Raises:
        InputError: The folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if is_visible(path.name))
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): check its permissions.") from error


def is_audio(path: Path) -> bool:
    """Check that a path is that of a visible audio file."""
    return path.suffix.lower() in AUDIO_SUFFIXES and is_visible(path.name) and path.is_file()
