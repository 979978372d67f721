"""The demo set as a source of tracks.

It has a file of its own since importing its renderer takes a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bsroformer.data.demo_songs import DEMO_VERSION, Mixing, Sound, render_demo_set
from bsroformer.data.layouts import TrackFiles, TrackFormat, find_files
from bsroformer.data.splits import named_valid
from bsroformer.kinds import Channels, Count, CountOrZero, SampleRate, Seconds, Seed


@dataclass(frozen=True)
class DemoSource:
    """The demo songs, rendered on first use.

    The last `valid_songs` songs of ``train`` are for validation.

    Attributes:
        root: Folder of rendered sets, each in a folder of its own.
        seed: Seed of the songs.
        train_songs: Number of songs to train on, including those for validation.
        valid_songs: Number of these to validate on.
        test_songs: Number of songs to test on.
        seconds: Length of a song.
        stems: Names of the stems, in the order of the model's outputs.
        sample_rate: Hz.
        channels: Channels of each stem.
        soundfont: File of a General MIDI SoundFont that plays the songs; None is the one that pretty_midi carries.
        mixing: ``clear``, where each stem has its own part of the spectrum, or ``plain``, with hardly any filters.
    """

    root: str
    seed: Seed
    train_songs: Count
    valid_songs: CountOrZero
    test_songs: CountOrZero
    seconds: Seconds
    stems: Sequence[str]
    sample_rate: SampleRate
    channels: Channels
    soundfont: str | None = None
    mixing: Mixing = "clear"

    @property
    def location(self) -> Path:
        """The folder of this set, one for each version, seed, size and sound."""
        size = f"{self.train_songs}+{self.test_songs}x{self.seconds:g}s"
        parts = [f"v{DEMO_VERSION}", f"seed{self.seed}", size]
        if self.mixing != "clear":
            parts.append(self.mixing)
        if self.soundfont is not None:
            parts.append(Path(self.soundfont).stem)
        return Path(self.root).expanduser() / "-".join(parts)

    @property
    def form(self) -> TrackFormat:
        """Stems, rate and channels that each track must have."""
        return TrackFormat(self.stems, self.sample_rate, self.channels)

    def make(self) -> None:
        """Render the songs, unless they exist."""
        font = None if self.soundfont is None else str(Path(self.soundfont).expanduser().resolve())
        sound = Sound(font, self.mixing)
        render_demo_set(self.location, self.seed, self.train_songs, self.test_songs, self.seconds, sound)

    def files(self) -> list[TrackFiles]:
        """Find the files of every track.

        Raises:
            InputError: If they are not rendered yet.
        """
        songs = find_files(self.location, self.stems, "folders")
        train = [song.name for song in songs if song.split == "train"]
        return named_valid(songs, train[self.train_songs - self.valid_songs :])
