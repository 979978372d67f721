"""Songs to separate, and the folders of their stems."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.audio.tags import read_fingerprints
from bsroformer.errors import InputError
from bsroformer.file_names import normal, visible_folder_name
from bsroformer.file_state import digest, file_state
from bsroformer.inference.input_files import find_files

DIGEST_DIGITS = 12
"""Hexadecimal digits of each digest in a fingerprint."""


@dataclass(frozen=True)
class Song:
    """A file, and the folder of its stems."""

    source: Path
    folder: Path

    def fingerprint(self, settings: str) -> str:
        """Compute the fingerprint of its stems.

        It has digests of the song's path, of its name, size and time, and of the settings.

        Args:
            settings: Digest of everything else that decides how the stems sound.
        """
        path = digest(os.path.abspath(self.source))  # noqa: PTH100 (a link keeps its name)
        file = digest(file_state(self.source))
        return "_".join([path[:DIGEST_DIGITS], file[:DIGEST_DIGITS], settings])

    def is_separated(self, files: Iterable[Path], fingerprint: str) -> bool:
        """Check that its stems exist, from the same file and settings."""
        _, *file_and_settings = fingerprint.split("_")
        for path in files:
            known = [digests[1:] for digests in _read_digests(path)]
            if file_and_settings not in known:
                return False
        return True

    def check_conflicts(self, files: Iterable[Path], fingerprint: str) -> None:
        """Make sure that its stems replace no file of another origin.

        Stems of other songs count too.

        Raises:
            InputError: If they would.
        """
        song, file, _ = fingerprint.split("_")
        for path in files:
            if not path.is_file():
                continue
            if not read_fingerprints(path):
                raise InputError(
                    f"{path} exists and was not written by this program; choose another output folder, or "
                    "overwrite=true to replace it"
                )
            known = _read_digests(path)
            if known and not any(digests[0] == song or digests[1] == file for digests in known):
                raise InputError(
                    f"{path} is a stem of another song of this name; choose another output folder, or "
                    "overwrite=true to replace it"
                )

    def stems_of_other_settings(self, files: Iterable[Path], fingerprint: str) -> list[Path]:
        """List the stems in its folder that were separated with other settings.

        Args:
            files: Stems that are not listed.
            fingerprint: Fingerprint with the current settings.
        """
        written = set(files)
        settings = fingerprint.split("_")[2]
        found: list[Path] = []
        for path in sorted(self.folder.glob("*.*")):
            if path in written:
                continue
            if any(digests[2] != settings for digests in _read_digests(path)):
                found.append(path)
        return found


def _read_digests(path: Path) -> list[list[str]]:
    """Read the three digests of each fingerprint of a file.

    Fingerprints of earlier versions have one digest and are skipped.
    """
    fingerprints = [fingerprint.split("_") for fingerprint in read_fingerprints(path)]
    return [digests for digests in fingerprints if len(digests) == 3]


def find_songs(inputs: str | Path | Sequence[str | Path], output: str | Path, stems: Sequence[str]) -> list[Song]:
    """Find the songs of files, folders and patterns, in order of their names.

    The stems of ``<folder>/<song>.<suffix>`` go to ``<output>/<folder>/<song>/``, with the folder relative to the one
    that all inputs share. Two files of one name keep their suffixes, as in ``<song> (wav)``. Hidden files and stems of
    this program are skipped when folders are searched.

    Args:
        inputs: Files, folders or glob patterns. A missing file is kept and fails when it is separated.
        output: Folder of the stems.
        stems: Names of the stems that will be written.

    Raises:
        InputError: If a folder or pattern has no audio files, or a stem would replace an input.
    """
    named, found, root = find_files([inputs] if isinstance(inputs, str | Path) else inputs)
    found = [path for path in found if path in named or not read_fingerprints(path)]
    files = [*named, *found]
    if not files:
        raise InputError("all files found are stems of this program; name one to separate it again")
    distinct = {os.path.abspath(path): path for path in files}  # noqa: PTH100 (links keep their names)
    songs = _with_folders(list(distinct.values()), root, Path(output))
    written: set[str] = set()
    for song in songs:
        written.update(_without_suffix(song.folder / f"{stem}.wav") for stem in stems)
    for song in songs:
        if _without_suffix(song.source) in written:
            raise InputError(f"{song.source} would be replaced by a stem; choose another output folder")
    return sorted(songs, key=lambda song: song.folder)


def _with_folders(sources: Sequence[Path], root: Path, output: Path) -> list[Song]:
    parents = [output / os.path.relpath(os.path.abspath(path.parent), root) for path in sources]  # noqa: PTH100
    names = [visible_folder_name(path.stem.removesuffix(".stem")) for path in sources]
    folders = [parent / name for parent, name in zip(parents, names, strict=True)]
    counts = Counter(map(_comparable, folders))
    taken = {key for key, songs in counts.items() if songs == 1}
    songs = []
    for path, parent, folder in sorted(zip(sources, parents, folders, strict=True)):
        if counts[_comparable(folder)] > 1:
            folder = _free_folder(parent / f"{visible_folder_name(path.stem)} ({path.suffix[1:]})", taken)
            taken.add(_comparable(folder))
        songs.append(Song(path, folder))
    return songs


def _comparable(folder: Path) -> str:
    """Normalise a path like file systems that ignore case and the form of accents."""
    return normal(str(folder)).casefold()


def _free_folder(folder: Path, taken: Collection[str]) -> Path:
    """Return the folder, or the first free one of ``<folder> (2)``, ``(3)``..."""
    candidate = folder
    number = 1
    while _comparable(candidate) in taken:
        number += 1
        candidate = folder.with_name(f"{folder.name} ({number})")
    return candidate


def _without_suffix(path: Path) -> str:
    """Return the absolute path of a file without suffix, casefolded."""
    return os.path.splitext(os.path.abspath(path))[0].casefold()  # noqa: PTH100, PTH122
