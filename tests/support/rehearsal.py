"""Songs in memory and separators with known results, for tests of evaluation."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.evaluation import TrackEntry
from bsroformer.inference import StreamSeparator

RATE = 1000
STEMS = ("vocals", "drums", "bass")


@dataclass
class Song:
    """A track in memory."""

    name: str
    audio: Tensor  # n c t
    stems: tuple = STEMS
    sample_rate: int = RATE
    split: str = "test"
    reads: list = field(default_factory=list)

    @property
    def path(self):
        return Path(self.split) / self.name

    def mixture(self):
        self.reads.append(self.name)
        return self.audio.sum(dim=0)

    def all_stems(self):
        return self.audio.clone()

    @property
    def entry(self):
        return TrackEntry(self.name, self.split, (), self.stems, self.sample_rate, lambda: self)


def make_song(seed, seconds=3.0, stems=STEMS, name=None):
    generator = torch.Generator().manual_seed(seed)
    audio = torch.randn(len(stems), 2, int(seconds * RATE), generator=generator) / 10
    return Song(name or f"Song {seed}", audio, stems)


class Leaky(StreamSeparator):
    """Separator that returns the true stems with some of the mixture added to each."""

    def __init__(self, songs, leak=0.1, stems=STEMS):
        self.songs, self.leak, self.stems, self.sample_rate, self.channels = songs, leak, stems, RATE, 2
        self.separated = []

    def stream(self, mixture):
        (mixture,) = mixture
        song = next(song for song in self.songs if song.audio.shape[-1] == mixture.shape[-1])
        self.separated.append(song.name)
        yield song.audio[[song.stems.index(stem) for stem in self.stems]] + self.leak * mixture
