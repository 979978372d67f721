"""Sources of tracks: data sets on disk. The demo set is in `demo_source`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from bsroformer.data.layouts import Layout, Missing, TrackFiles, TrackFormat, find_files
from bsroformer.data.layouts.musdb18 import validation_songs
from bsroformer.data.splits import named_valid
from bsroformer.errors import InputError
from bsroformer.file_names import normal
from bsroformer.kinds import Amount, Channels, SampleRate


@runtime_checkable
class Source(Protocol):
    """Tracks in three splits."""

    @property
    def location(self) -> Path | None:
        """The folder or table that holds them."""

    @property
    def form(self) -> TrackFormat:
        """Stems, rate and channels that each track must have."""

    def make(self) -> None:
        """Create what must exist once on each machine."""

    def files(self) -> list[TrackFiles]:
        """Find the files of every track."""


@dataclass(frozen=True)
class FolderSource:
    """A data set on disk: see `bsroformer.data.layouts`.

    Attributes:
        root: Its folder, or its table.
        layout: Layout of its tracks.
        valid_songs: Tracks of ``train`` to validate on: their names, or ``musdb18`` for that set's official ones.
        extra: Further material to train on: folders of songs or of clips, or tables.
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Channels of each stem.
        stem_map: Names of stems, by the names of files that hold them; or files to sum, by the name of the stem.
        missing: What a stem is that a track lacks: see `Missing`.
        extra_weight: How often a second of further material is drawn, relative to one of the data set.
    """

    root: str | None
    layout: Layout
    valid_songs: Sequence[str] | str | None
    extra: Sequence[str] | str | None
    stems: Sequence[str]
    sample_rate: SampleRate
    channels: Channels
    stem_map: Mapping[str, str | Sequence[str]] | None = None
    missing: Missing = "refuse"
    extra_weight: Amount = 1.0

    @property
    def location(self) -> Path | None:
        """The data set's folder or table, or None if ``root`` is not set."""
        return None if self.root is None else Path(self.root).expanduser()

    @property
    def form(self) -> TrackFormat:
        """Stems, rate and channels that each track must have."""
        return TrackFormat(self.stems, self.sample_rate, self.channels)

    def make(self) -> None:
        """Do nothing: the files exist."""

    def files(self) -> list[TrackFiles]:
        """Find the files of every track.

        Raises:
            InputError: See `find_files` and `named_valid`.
        """
        extra = as_list(self.extra)
        songs = find_files(
            self.location, self.stems, self.layout, extra, self.stem_map, self.missing, self.extra_weight
        )
        if self.valid_songs == "musdb18":
            return named_valid(songs, validation_songs())  # MUSDB18-7 lacks some of them
        names = [normal(name) for name in as_list(self.valid_songs)]
        known = {song.name for song in songs if song.split == "train"}
        unknown = [name for name in names if name not in known]
        if known and unknown:
            raise InputError(f"data.valid_songs names {', '.join(unknown)}, and train has no such song; correct it.")
        return named_valid(songs, names)


def as_list(value: Sequence[str] | str | None) -> Sequence[str]:
    """Return a list of words, given as a list, as one word, or as None."""
    if isinstance(value, str):
        return [value]
    return value or []
