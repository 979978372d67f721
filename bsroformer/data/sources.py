"""Where songs come from: a data set on disk, or the demo set of `bsroformer.data.demo_source`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from bsroformer.data.layouts import Layout, SongFiles, SongFormat, find_files
from bsroformer.data.musdb import validation_songs
from bsroformer.data.names import normal
from bsroformer.data.tracks import Splits, named_valid, open_tracks
from bsroformer.errors import InputError
from bsroformer.kinds import Channels, SampleRate


@runtime_checkable
class Source(Protocol):
    """Songs in three splits."""

    @property
    def place(self) -> Path | None:
        """The folder or table that they are found by."""

    @property
    def form(self) -> SongFormat:
        """What each song must have."""

    def make(self) -> None:
        """Make what must be made once on this machine."""

    def files(self) -> list[SongFiles]:
        """Find the files of every song."""


def find_splits(source: Source) -> Splits:
    """Find and open every song of a source.

    Raises:
        InputError: See `find_files` and `open_tracks`.
    """
    return open_tracks(source.files(), source.form)


@dataclass(frozen=True)
class FolderSource:
    """A data set on disk: see `bsroformer.data.layouts`.

    Attributes:
        root: Its folder, or its table.
        layout: The kind of songs to expect there.
        valid_songs: Songs of ``train`` that validate: their names, or ``musdb18`` for that set's official ones.
        extra: Further material to train on: folders of any layout, or tables.
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Of each stem.
    """

    root: str | None
    layout: Layout
    valid_songs: Sequence[str] | str | None
    extra: Sequence[str] | str | None
    stems: Sequence[str]
    sample_rate: SampleRate
    channels: Channels

    @property
    def place(self) -> Path | None:
        """The data set's folder or table, if one is named."""
        return None if self.root is None else Path(self.root).expanduser()

    @property
    def form(self) -> SongFormat:
        """What each song must have."""
        return SongFormat(self.stems, self.sample_rate, self.channels)

    def make(self) -> None:
        """Nothing to make."""

    def files(self) -> list[SongFiles]:
        """Find the files of every song.

        Raises:
            InputError: See `find_files` and `named_valid`.
        """
        songs = find_files(self.place, self.stems, self.layout, listed(self.extra))
        if self.valid_songs == "musdb18":
            return named_valid(songs, validation_songs())  # of which MUSDB18-7 lacks some
        names = [normal(name) for name in listed(self.valid_songs)]
        known = {song.name for song in songs if song.split == "train"}
        if known and (unknown := [name for name in names if name not in known]):
            raise InputError(f"data.valid_songs names {', '.join(unknown)}, and train has no such song: correct it.")
        return named_valid(songs, names)


def listed(value: Sequence[str] | str | None) -> Sequence[str]:
    """A list of words, of which one may stand alone."""
    return [value] if isinstance(value, str) else value or []
