"""Tracks of numbers, and excerpts drawn from them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bsroformer.data.augment import Augment
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.data.layouts import TrackFormat
from bsroformer.data.starts import StartSampler
from support.augments import VARIED, augment

STEMS = ("vocals", "drums", "bass")
RATE = 44_100
AS_IT_IS = augment()
VARIED_MIX = augment(unmixed=0.3, effects=VARIED)


@dataclass
class CountingTrack:
    """Track that counts tracks and stems in one channel, and samples in the other."""

    number: int
    frames: int
    stems: tuple[str, ...] = STEMS
    name: str = "counting"
    levels: None = None
    weight: float = 1.0

    def stem(self, stem: str, start: int, frames: int) -> Tensor:
        samples = torch.arange(start, min(start + frames, self.frames))
        number = torch.full_like(samples, 10 * self.number + STEMS.index(stem))
        return torch.stack([number, samples]).float()

    def all_stems(self, start: int, frames: int) -> Tensor:
        return torch.stack([self.stem(stem, start, frames) for stem in self.stems])


TRACKS = [CountingTrack(number, frames=30) for number in (1, 2, 3, 4)]


def all_starts(sampler: StartSampler) -> list[tuple[int, int]]:
    """List every start of a sampler, with the number of its track."""
    return [(each.track, each.first + number) for each in sampler.intervals for number in range(each.starts)]


def random_excerpts(songs, frames, mixing: Augment, seed: int, stems=STEMS) -> RandomExcerpts:
    return RandomExcerpts(songs, TrackFormat(stems, RATE, 2), frames, mixing, seed)


def drawn(mixing: Augment, songs: list[CountingTrack] = TRACKS, frames: int = 10, count: int = 1000) -> Tensor:
    excerpts = random_excerpts(songs, frames, mixing, seed=0)
    return torch.stack([excerpts[ExcerptKey(0, index)] for index in range(count)])
