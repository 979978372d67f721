"""Where songs come from: a data set on disk, or the demo set, which is rendered first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bsroformer.data.demo_songs import DEMO_VERSION, render_demo_set
from bsroformer.data.musdb import validation_songs
from bsroformer.data.tracks import Layout, Splits, find_tracks, list_songs, split_folders


class Source(Protocol):
    """Songs in three splits."""

    stems: Sequence[str]
    sample_rate: int

    def prepare(self) -> None:
        """Make what must be made once on this machine."""

    def splits(self) -> Splits:
        """Find the songs."""


@dataclass(frozen=True)
class FolderSource:
    """A data set on disk: see `bsroformer.data.tracks`.

    Attributes:
        root: Its folder.
        layout: The kind of songs to expect there.
        valid_songs: Songs of ``train`` that validate: their names, or ``musdb18`` for that set's official ones.
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Of each stem.
    """

    root: str | None
    layout: Layout
    valid_songs: Sequence[str] | Literal["musdb18"]
    stems: Sequence[str]
    sample_rate: int
    channels: int

    def prepare(self) -> None:
        """Nothing to make."""

    def splits(self) -> Splits:
        """Find the songs.

        Raises:
            InputError: See `find_tracks`.
        """
        valid_songs = validation_songs() if self.valid_songs == "musdb18" else self.valid_songs
        return find_tracks(self.root, self.stems, self.sample_rate, self.channels, self.layout, valid_songs)


@dataclass(frozen=True)
class DemoSource:
    """The demo songs, rendered on first use; the last `valid_songs` songs of ``train`` validate.

    Attributes:
        root: Where rendered sets are kept, each in a folder of its own.
        seed: Of the songs.
        train_songs: Number of songs to train on, validation included.
        valid_songs: How many of these validate.
        test_songs: Number of songs to test on.
        seconds: Length of a song.
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Of each stem.
    """

    root: str
    seed: int
    train_songs: int
    valid_songs: int
    test_songs: int
    seconds: float
    stems: Sequence[str]
    sample_rate: int
    channels: int

    @property
    def folder(self) -> Path:
        """The folder of this set; another version, seed or size has another."""
        size = f"{self.train_songs}+{self.test_songs}x{self.seconds:g}s"
        return Path(self.root).expanduser() / f"v{DEMO_VERSION}-seed{self.seed}-{size}"

    def prepare(self) -> None:
        """Render the songs, unless they are there."""
        render_demo_set(self.folder, self.seed, self.train_songs, self.test_songs, self.seconds)

    def splits(self) -> Splits:
        """Find the songs.

        Raises:
            InputError: If they were not rendered yet.
        """
        songs = list_songs(split_folders(self.folder)["train"], "folders")
        valid_songs = [path.name for path in songs[self.train_songs - self.valid_songs :]]
        return find_tracks(self.folder, self.stems, self.sample_rate, self.channels, "folders", valid_songs)
