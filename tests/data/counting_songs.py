"""Songs made of numbers, and excerpts drawn from them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from augments import VARIED, augment
from bsroformer.data.augment import Augment
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.data.layouts import TrackFormat

STEMS = ("vocals", "drums", "bass")
RATE = 44_100
AS_IT_IS = augment()
VARIED_MIX = augment(unmixed=0.3, effects=VARIED)


@dataclass
class CountingSong:
    """A song whose two channels tell which song and stem a sample is of, and its place in the song."""

    number: int
    frames: int
    stems: tuple[str, ...] = STEMS
    name: str = "counting"
    levels: None = None

    def stem(self, stem: str, start: int, frames: int) -> Tensor:
        places = torch.arange(start, min(start + frames, self.frames))
        return torch.stack([torch.full_like(places, 10 * self.number + STEMS.index(stem)), places]).float()

    def all_stems(self, start: int, frames: int) -> Tensor:
        return torch.stack([self.stem(stem, start, frames) for stem in self.stems])


SONGS = [CountingSong(number, frames=30) for number in (1, 2, 3, 4)]


def random_excerpts(songs, frames, mixing: Augment, seed: int, stems=STEMS) -> RandomExcerpts:
    return RandomExcerpts(songs, TrackFormat(stems, RATE, 2), frames, mixing, seed)


def drawn(mixing: Augment, songs: list[CountingSong] = SONGS, frames: int = 10, count: int = 1000) -> Tensor:
    excerpts = random_excerpts(songs, frames, mixing, seed=0)
    return torch.stack([excerpts[ExcerptKey(0, index)] for index in range(count)])
