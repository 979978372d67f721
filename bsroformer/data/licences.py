"""The licence and source of every track of a data set."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bsroformer.data.layouts import TrackFiles
from bsroformer.data.song_terms import UNKNOWN, SongTerms, terms_in
from bsroformer.data.sources import FolderSource, Source, as_list
from bsroformer.errors import InputError

UNNAMED = "songs"
"""Name of a data set that has no other."""


class TermsReader:
    """Reads the licences and sources of tracks; each folder is read once.

    What a track's folder does not state, the folders above it do, up to that of its data set.

    Args:
        source: The data set.
        name: Name of the data set; None for that of its folder.
        default: Licence of the songs for which no file states one; further material (``data.extra``) has no default.

    Attributes:
        faults: A sentence for each file that could not be read; the licences of its songs are unknown.
    """

    def __init__(self, source: Source, name: str | None = None, default: str | None = None) -> None:
        self.name = name or _folder_name(source.location)
        self.default = default
        self.root = source.location
        self.extra = _extra_of(source)
        self.faults: list[str] = []
        self._read: dict[Path, SongTerms] = {}

    def with_terms(self, files: Sequence[TrackFiles]) -> list[TrackFiles]:
        """Add the licence, the source and the data set's name to tracks."""
        return [replace(song, terms=self._terms_of(song)) for song in files]

    def _terms_of(self, song: TrackFiles) -> SongTerms:
        root = next((extra for extra in self.extra if _is_in_extra(song, extra)), None)
        if root is None:
            default = SongTerms(self.default, None, self.name)
            return self._above(song, self.root).completed(default)
        return self._above(song, root).completed(SongTerms(data_set=_folder_name(root)))

    def _above(self, song: TrackFiles, root: Path | None) -> SongTerms:
        """Complete a track's own statement by those of the folders from its own to the data set's."""
        terms = song.terms
        top = root.parent if root is not None and root.is_file() else root  # the folder of a table
        folder = song.path if song.path.is_dir() else song.path.parent
        folders = [folder]
        if top is not None and folder.is_relative_to(top):
            folders += [parent for parent in folder.parents if parent.is_relative_to(top)]
        elif top is not None:
            folders.append(top)
        for each in folders:
            terms = terms.completed(self._in(each))
        return terms

    def _in(self, folder: Path) -> SongTerms:
        if folder not in self._read:
            try:
                self._read[folder] = terms_in(folder)
            except InputError as error:
                self.faults.append(str(error))
                self._read[folder] = SongTerms(UNKNOWN)  # that of the folders above may not hold for it
        return self._read[folder]


def _extra_of(source: Source) -> list[Path]:
    paths = as_list(source.extra) if isinstance(source, FolderSource) else []
    return [Path(path).expanduser() for path in paths]


def _is_in_extra(song: TrackFiles, extra: Path) -> bool:
    """Check for a track of further material, whose name starts with that of its folder or table."""
    is_table = extra.is_file()
    prefix = extra.stem if is_table else extra.name
    if song.whole or not song.name.startswith(f"{prefix}/"):
        return False
    return is_table or song.path.is_relative_to(extra)


def _folder_name(path: Path | None) -> str:
    """Name a data set by its folder or table; a home folder, which names a person, has no name here."""
    if path is None or path.absolute() == Path.home():
        return UNNAMED
    return path.stem if path.is_file() else path.name
