"""Random excerpts of tracks, to train on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from bsroformer.data.augment import Augment
from bsroformer.data.known_stems import TrainingBatch, in_order
from bsroformer.data.layouts import UNKNOWN, TrackFormat
from bsroformer.data.starts import StartSampler, StartsByActivity, find_starts
from bsroformer.data.track import AnyTrack
from bsroformer.errors import InputError


class ExcerptKey(NamedTuple):
    """Key of a random excerpt: with the seed, it alone decides what the excerpt holds."""

    epoch: int
    number: int
    """Number of the excerpt in its epoch."""


class EpochSampler(Sampler[ExcerptKey]):
    """The keys of one epoch's excerpts, divided over the ranks of a distributed run.

    The keys carry the epoch to the workers, so that a worker needs no state: the same excerpts come with any number
    of workers, persistent or not, and after a resume.

    Args:
        size: Excerpts of an epoch, over all ranks. A remainder that not every rank would have is skipped, since a rank
            with one step more than the others would wait for them forever.
        rank: Rank of this process.
        ranks: Number of processes.
    """

    def __init__(self, size: int, rank: int = 0, ranks: int = 1) -> None:
        self.size = size
        self.rank = rank
        self.ranks = ranks
        self.epoch = 0
        self.first = 0

    def set_epoch(self, epoch: int, first: int = 0) -> None:
        """Choose the epoch and its first key, over all ranks."""
        self.epoch = epoch
        self.first = first

    def of_epoch(self, epoch: int, first: int = 0) -> list[ExcerptKey]:
        """List the keys of this rank in an epoch, from the `first` of all ranks."""
        remainder = (self.size - first) % self.ranks
        numbers = range(first, self.size - remainder)
        return [ExcerptKey(epoch, number) for number in numbers[self.rank :: self.ranks]]

    def __iter__(self) -> Iterator[ExcerptKey]:
        return iter(self.of_epoch(self.epoch, self.first))

    def __len__(self) -> int:
        """Count the keys of a whole epoch."""
        return self.size // self.ranks


class RandomExcerpts(Dataset[TrainingBatch]):
    """Excerpts at random starts of random tracks, mixed and augmented.

    Each second of music is equally likely, or each second in which a stem is active if the tracks' levels are known.

    Where a track has unknown stems, a mix has their sum and known stems of any tracks. Mixes of known stems alone are
    made as often as the seconds of complete tracks and of clips are of all, unless a stem is known in no track.

    Args:
        tracks: The tracks; clips among them have some of the stems only.
        form: Format of their stems.
        frames: Length of an excerpt, samples.
        augment: How stems are combined and varied.
        seed: Seed of all random numbers here.

    Raises:
        InputError: A stem is in no track and in no track's mixture, or `augment` keeps stems together and no track has
            all of them.
    """

    def __init__(self, tracks: Sequence[AnyTrack], form: TrackFormat, frames: int, augment: Augment, seed: int) -> None:
        self.tracks = tracks
        self.form = form
        self.frames = frames
        self.augment = augment
        self.seed = seed
        self.has_unknown = any(UNKNOWN in track.stems for track in tracks)
        self.starts = {stem: self._find_starts(self._tracks_with([stem]), (stem,)) for stem in form.stems}
        whole = self._tracks_with(form.stems)
        if self.has_unknown:
            whole = {**whole, **self._tracks_with([UNKNOWN])}
        self.together = self._find_starts(whole).best
        self.never_known = [stem for stem, starts in self.starts.items() if not len(starts.best)]
        if self.never_known and not self.has_unknown:
            stem = self.never_known[0]
            raise InputError(f"no song to train on has {stem}; add some, or remove it from data.stems")
        mixed = self._tracks_with([UNKNOWN]) if self.never_known else dict(enumerate(tracks))
        self.mixed = self._find_starts(mixed).best
        if augment.unmixed and not len(self.together):
            raise InputError(
                f"augment.unmixed={augment.unmixed} keeps the stems of a song together, and no song to train on has "
                "all of them; set augment.unmixed=0"
            )

    def __getitem__(self, key: ExcerptKey) -> TrainingBatch:
        """Draw stems ``(n c t)``, a function of (seed, epoch, number) and nothing else.

        They are `KnownStems` if any track has unknown stems.
        """
        rng = np.random.default_rng((self.seed, *key))
        is_unmixed = rng.random() < self.augment.unmixed
        names, stems = self._unmixed(rng) if is_unmixed else self._mixed(rng)
        if not self.has_unknown:
            return stems
        return in_order(names, stems, self.form.stems)

    def _unmixed(self, rng: np.random.Generator) -> tuple[Sequence[str], Tensor]:
        """Draw the stems of one start in one track: their names, and samples ``(n c t)``."""
        number, start = self.together.draw(rng)
        track = self.tracks[number]
        stems = padded(track.all_stems(start, self.frames), self.frames)
        if self.augment.vary_unmixed:
            stems = torch.stack([self.augment.vary(stem, self.form.sample_rate, rng) for stem in stems])
        return track.stems, stems

    def _mixed(self, rng: np.random.Generator) -> tuple[Sequence[str], Tensor]:
        """Draw stems of random tracks: their names, and samples ``(n c t)``."""
        if self.has_unknown:
            number, start = self.mixed.draw(rng)
            track = self.tracks[number]
            if UNKNOWN in track.stems:
                *known, _ = track.stems
                stems = [self._stem(stem, rng) for stem in known]
                unknown = padded(track.stem(UNKNOWN, start, self.frames), self.frames)
                stems.append(self.augment.vary(unknown, self.form.sample_rate, rng))
                return track.stems, torch.stack(stems)
        return self.form.stems, torch.stack([self._stem(stem, rng) for stem in self.form.stems])

    def _stem(self, stem: str, rng: np.random.Generator) -> Tensor:
        """Draw one stem ``(c t)`` of a random mix."""
        starts = self.starts[stem]
        if rng.random() < self.augment.silent_prob:
            if len(starts.silent):
                return self._varied(stem, starts.silent, rng)
            return torch.zeros(self.form.channels, self.frames)
        audio = self._varied(stem, starts.best, rng)
        for gain in self.augment.mixup.draw(rng):
            audio = audio + gain * self._varied(stem, starts.best, rng)
        return audio

    def _varied(self, stem: str, starts: StartSampler, rng: np.random.Generator) -> Tensor:
        """Read and augment a stem ``(c t)`` of one track.

        A faster tempo needs more samples before the track's end.
        """
        number, start = starts.draw(rng)
        track = self.tracks[number]
        change = self.augment.stretch.draw(rng)
        frames = self.frames if change is None else change.frames(self.frames)
        last_start = max(0, track.frames - frames)
        audio = padded(track.stem(stem, min(start, last_start), frames), frames)
        if change is not None:
            audio = change.apply(audio, self.frames, self.form.sample_rate)
        return self.augment.vary(audio, self.form.sample_rate, rng)

    def _tracks_with(self, stems: Sequence[str]) -> dict[int, AnyTrack]:
        """Find the tracks that have all of these stems, by number."""
        return {number: track for number, track in enumerate(self.tracks) if set(stems) <= set(track.stems)}

    def _find_starts(self, tracks: dict[int, AnyTrack], stems: Sequence[str] | None = None) -> StartsByActivity:
        """Find the starts in tracks by the activity of some stems, or of all that a track has.

        One active stem makes a start active.
        """
        return find_starts(tracks, self.frames, lambda track: self._activity(track, stems or track.stems))

    def _activity(self, track: AnyTrack, stems: Sequence[str]) -> NDArray[np.int8] | None:
        levels = track.levels
        least_db = self.augment.active_db
        if levels is None or least_db is None:
            return None
        numbers = [track.stems.index(stem) for stem in stems]
        activities = [levels.activity(number, self.frames, track.frames, least_db) for number in numbers]
        return np.max(activities, axis=0)


def padded(audio: Tensor, frames: int) -> Tensor:
    """Pad ``(... t)`` with silence at the end to `frames` samples."""
    missing = frames - audio.shape[-1]
    if missing == 0:
        return audio  # F.pad would copy it
    return F.pad(audio, (0, missing))
