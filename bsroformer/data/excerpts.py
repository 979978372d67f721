"""Random excerpts of songs, to train on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from bsroformer.data.augment import Augment
from bsroformer.data.layouts import TrackFormat
from bsroformer.data.starts import StartSampler, StartsByActivity, find_starts
from bsroformer.data.track import AnyTrack
from bsroformer.errors import InputError


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
        self.size, self.rank, self.ranks = size, rank, ranks
        self.epoch = self.first = 0

    def set_epoch(self, epoch: int, first: int = 0) -> None:
        """Choose the epoch, and how many of its keys to leave out, over all ranks: those before its `first`."""
        self.epoch, self.first = epoch, first

    def of_epoch(self, epoch: int, first: int = 0) -> list[ExcerptKey]:
        """The keys of this rank in an epoch, from the `first` of all ranks on."""
        going_round = range(first, self.size - (self.size - first) % self.ranks)
        return [ExcerptKey(epoch, number) for number in going_round[self.rank :: self.ranks]]

    def __iter__(self) -> Iterator[ExcerptKey]:
        return iter(self.of_epoch(self.epoch, self.first))

    def __len__(self) -> int:
        """Of the whole epoch."""
        return self.size // self.ranks


class RandomExcerpts(Dataset[Tensor]):
    """Excerpts at random places of random songs, mixed and varied.

    Each second of music is as likely as any other: those in which a stem is heard, if the songs' levels are known.

    Args:
        songs: The songs; clips among them have some of the stems only.
        form: What their stems are.
        frames: Length of an excerpt, samples.
        augment: How stems are put together.
        seed: Of everything random here.

    Raises:
        InputError: No song has a stem, or none has all of them and `augment` keeps some together.
    """

    def __init__(self, songs: Sequence[AnyTrack], form: TrackFormat, frames: int, augment: Augment, seed: int) -> None:
        self.songs, self.form, self.frames, self.augment, self.seed = songs, form, frames, augment, seed
        self.places = {stem: self._find((stem,)) for stem in form.stems}
        self.together = self._find(tuple(form.stems)).heard
        for stem, places in self.places.items():
            if not len(places.heard):
                raise InputError(f"no song to train on has {stem}: add some, or leave it out of data.stems")
        if augment.unmixed and not len(self.together):
            raise InputError(
                f"augment.unmixed={augment.unmixed} keeps the stems of a song together, and no song to train on has "
                "all of them: set augment.unmixed=0"
            )

    def __getitem__(self, key: ExcerptKey) -> Tensor:
        """Stems ``(n c t)``, a function of (seed, epoch, index) and nothing else."""
        rng = np.random.default_rng((self.seed, *key))
        if rng.random() < self.augment.unmixed:
            number, start = self.together.draw(rng)
            return padded(self.songs[number].all_stems(start, self.frames), self.frames)
        return torch.stack([self._stem(stem, rng) for stem in self.form.stems])

    def _stem(self, stem: str, rng: np.random.Generator) -> Tensor:
        """One stem ``(c t)`` of a random mix."""
        places = self.places[stem]
        if rng.random() < self.augment.silent_prob:
            rests = len(places.silent) > 0
            return self._varied(stem, places.silent, rng) if rests else torch.zeros(self.form.channels, self.frames)
        audio = self._varied(stem, places.heard, rng)
        for gain in self.augment.mixup.draw(rng):
            audio = audio + gain * self._varied(stem, places.heard, rng)
        return audio

    def _varied(self, stem: str, places: StartSampler, rng: np.random.Generator) -> Tensor:
        """A stem ``(c t)`` of one song, read and varied; for a faster tempo it is read from further before its end."""
        number, start = places.draw(rng)
        song = self.songs[number]
        change = self.augment.stretch.draw(rng)
        frames = self.frames if change is None else change.frames(self.frames)
        audio = padded(song.stem(stem, min(start, max(0, song.frames - frames)), frames), frames)
        if change is not None:
            audio = change.apply(audio, self.frames, self.form.sample_rate)
        return self.augment.vary(audio, self.form.sample_rate, rng)

    def _find(self, stems: tuple[str, ...]) -> StartsByActivity:
        """Where excerpts of these stems begin in songs that have them all; one of them is enough to be heard."""
        having = {number: song for number, song in enumerate(self.songs) if set(stems) <= set(song.stems)}
        return find_starts(having, self.frames, lambda song: self._activity(song, stems))

    def _activity(self, song: AnyTrack, stems: tuple[str, ...]) -> NDArray[np.int8] | None:
        least = self.augment.active_db
        if song.levels is None or least is None:
            return None
        rows = [song.stems.index(stem) for stem in stems]
        return np.max([song.levels.activity(row, self.frames, song.frames, least) for row in rows], axis=0)


def padded(audio: Tensor, frames: int) -> Tensor:
    """Pad ``(... t)`` with silence at the end to `frames` samples."""
    missing = frames - audio.shape[-1]
    return F.pad(audio, (0, missing)) if missing else audio  # without it, padding would copy all the same
