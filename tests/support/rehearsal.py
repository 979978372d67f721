"""Songs in memory and separators with known results, for tests of evaluation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from bsroformer.data.track import Track
from bsroformer.evaluation import TrackEntry
from bsroformer.inference import StreamSeparator

RATE = 1000
STEMS = ("vocals", "drums", "bass")


@dataclass
class Song:
    """A track in memory."""

    name: str
    audio: Tensor  # n c t
    stems: tuple[str, ...] = STEMS
    sample_rate: int = RATE
    split: str = "test"
    reads: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return Path(self.split) / self.name

    def mixture(self) -> Tensor:
        self.reads.append(self.name)
        return self.audio.sum(dim=0)

    def all_stems(self) -> Tensor:
        return self.audio.clone()

    @property
    def entry(self) -> TrackEntry:
        return TrackEntry(self.name, self.split, (), self.stems, self.sample_rate, lambda: cast(Track, self))


def make_song(seed: int, seconds: float = 3.0, stems: tuple[str, ...] = STEMS, name: str | None = None) -> Song:
    generator = torch.Generator().manual_seed(seed)
    audio = torch.randn(len(stems), 2, int(seconds * RATE), generator=generator) / 10
    return Song(name or f"Song {seed}", audio, stems)


class Leaky(StreamSeparator):
    """Separator that returns the true stems with some of the mixture added to each."""

    sample_rate = RATE
    channels = 2

    def __init__(self, songs: Sequence[Song], leak: float = 0.1, stems: tuple[str, ...] = STEMS) -> None:
        self.songs = songs
        self.leak = leak
        self.stems = stems
        self.separated: list[str] = []

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        (whole,) = mixture
        song = next(song for song in self.songs if song.audio.shape[-1] == whole.shape[-1])
        self.separated.append(song.name)
        yield song.audio[[song.stems.index(stem) for stem in self.stems]] + self.leak * whole
