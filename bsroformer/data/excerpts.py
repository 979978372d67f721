"""Random excerpts of songs, to train on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from bsroformer.data.mixing import RandomMix
from bsroformer.data.tracks import Track


class ExcerptKey(NamedTuple):
    """Names a random excerpt: with the seed, it alone decides what the excerpt holds."""

    epoch: int
    number: int
    """Of the excerpt in its epoch."""


class EpochSampler(Sampler[ExcerptKey]):
    """The keys of one epoch's excerpts, shared out over the ranks of a distributed run.

    The keys carry the epoch to the workers, so that a worker needs no state: the same excerpts come with any number
    of workers, persistent or not, and after a resume.

    Args:
        size: Excerpts of an epoch, over all ranks; those that would not go round are left out, since a rank that
            made a step more than the others would wait for them for ever.
        rank: Of this process.
        ranks: Number of processes.
    """

    def __init__(self, size: int, rank: int = 0, ranks: int = 1) -> None:
        self.size, self.rank, self.ranks = size - size % ranks, rank, ranks
        self.epoch = self.first = 0

    def set_epoch(self, epoch: int, first: int = 0) -> None:
        """Choose the epoch, and how many of this rank's keys in it to leave out: those before its `first`."""
        self.epoch, self.first = epoch, first

    def __iter__(self) -> Iterator[ExcerptKey]:
        epoch = self.epoch
        return (ExcerptKey(epoch, index) for index in range(self.rank, self.size, self.ranks)[self.first :])

    def __len__(self) -> int:
        """Of the whole epoch."""
        return len(range(self.rank, self.size, self.ranks))


class RandomExcerpts(Dataset[Tensor]):
    """Excerpts at random places of random songs, mixed and varied.

    Args:
        tracks: The songs.
        frames: Length of an excerpt, samples.
        mixing: How stems are put together.
        seed: Of everything random here.
    """

    def __init__(self, tracks: Sequence[Track], frames: int, mixing: RandomMix, seed: int) -> None:
        self.tracks, self.frames, self.mixing, self.seed = tracks, frames, mixing, seed

    def __getitem__(self, key: ExcerptKey) -> Tensor:
        """Stems ``(n c t)``, a function of (seed, epoch, index) and nothing else."""
        rng = np.random.default_rng((self.seed, *key))
        if rng.random() < self.mixing.unmixed:
            track, start = self._place(rng)
            return padded(track.all_stems(start, self.frames), self.frames)
        stems = []
        for stem in self.tracks[0].stems:
            track, start = self._place(rng)
            stems.append(padded(track.stem(stem, start, self.frames), self.frames))
        return self.mixing.vary(torch.stack(stems), rng)

    def _place(self, rng: np.random.Generator) -> tuple[Track, int]:
        track = self.tracks[int(rng.integers(len(self.tracks)))]
        return track, int(rng.integers(max(1, track.frames - self.frames + 1)))


def padded(audio: Tensor, frames: int) -> Tensor:
    """Pad ``(... t)`` with silence at the end to `frames` samples."""
    return F.pad(audio, (0, frames - audio.shape[-1]))
