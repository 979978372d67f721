"""The files of a song, as a layout has them: nothing is opened yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bsroformer.audio.files import AUDIO_SUFFIXES
from bsroformer.errors import InputError

MIXTURE = "mixture"
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class SongFormat:
    """What songs must have.

    Attributes:
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Of each stem.
    """

    stems: Sequence[str]
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class StemFile:
    """Where a stem is: an audio stream of a file."""

    path: Path
    stream: int = 0


@dataclass(frozen=True)
class SongFiles:
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
    faults: tuple[str, ...] = field(default=())


def audio_files(folder: Path, below: bool = False) -> list[Path]:
    """The visible audio files of a folder in the order of names, with those of the folders below it if asked.

    Raises:
        InputError: The folder cannot be read.
    """
    try:
        paths = sorted(folder.rglob("*") if below else folder.iterdir())
        return [path for path in paths if path.suffix.lower() in AUDIO_SUFFIXES and _visible(path, folder)]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): check its permissions.") from error


def _visible(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
