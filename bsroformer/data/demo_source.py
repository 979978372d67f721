"""The demo set as a source of songs; apart from the others, since what renders it is a second's import."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.data.demo_songs import DEMO_VERSION, render_demo_set
from bsroformer.data.layouts import SongFiles, SongFormat, find_files
from bsroformer.data.tracks import named_valid
from bsroformer.kinds import Channels, Count, CountOrNone, SampleRate, Seconds, Seed


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
    seed: Seed
    train_songs: Count
    valid_songs: CountOrNone
    test_songs: CountOrNone
    seconds: Seconds
    stems: Sequence[str]
    sample_rate: SampleRate
    channels: Channels

    @property
    def place(self) -> Path:
        """The folder of this set; another version, seed or size has another."""
        size = f"{self.train_songs}+{self.test_songs}x{self.seconds:g}s"
        return Path(self.root).expanduser() / f"v{DEMO_VERSION}-seed{self.seed}-{size}"

    @property
    def form(self) -> SongFormat:
        """What each song must have."""
        return SongFormat(self.stems, self.sample_rate, self.channels)

    def make(self) -> None:
        """Render the songs, unless they are there."""
        render_demo_set(self.place, self.seed, self.train_songs, self.test_songs, self.seconds)

    def files(self) -> list[SongFiles]:
        """Find the files of every song.

        Raises:
            InputError: If they were not rendered yet.
        """
        songs = find_files(self.place, self.stems, "folders")
        train = [song.name for song in songs if song.split == "train"]
        return named_valid(songs, train[self.train_songs - self.valid_songs :])
