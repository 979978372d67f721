"""A song in memory as methods and metrics take it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.data.layouts import TrackFiles, TrackFormat, find_files
from bsroformer.data.track import Track, open_track
from bsroformer.errors import InputError
from bsroformer.evaluation.stem_names import ACCOMPANIMENT, LEAD

STEMS = ("vocals", "drums", "bass", "other")
"""Of MUSDB18."""


@dataclass(frozen=True)
class TrackAudio:
    """A song whose stems are known.

    Attributes:
        name: Its name.
        split: ``train``, ``valid`` or ``test``.
        sample_rate: Hz.
        stems: Names of the stems that are scored.
        mixture: ``(c t)``.
        targets: What those stems should be, ``(n c t)``.
        sources: All stems that the song has, ``(k c t)``, which make up the mixture.
    """

    name: str
    split: str
    sample_rate: int
    stems: tuple[str, ...]
    mixture: Tensor
    targets: Tensor
    sources: Tensor


@dataclass(frozen=True)
class TrackEntry:
    """A song to evaluate, which nobody has opened yet: a damaged one fails when it is its turn, and not all others too.

    Attributes:
        name: Its name.
        split: ``train``, ``valid`` or ``test``.
        paths: Its files.
        stems: The stems that it should have.
        sample_rate: That it should have, Hz.
        open: Opens it; raises InputError if it cannot be used.
    """

    name: str
    split: str
    paths: tuple[Path, ...]
    stems: tuple[str, ...]
    sample_rate: int
    open: Callable[[], Track]

    @classmethod
    def of_files(cls, files: TrackFiles, form: TrackFormat) -> "TrackEntry":
        """A song that was found, to be opened in this format."""
        paths = tuple(sorted({file.path for file in files.stems.values()}))
        return cls(
            files.name, files.split, paths, tuple(form.stems), form.sample_rate, partial(open_track, files, form)
        )

    @classmethod
    def of_track(cls, track: Track) -> "TrackEntry":
        """A song that is open already."""
        paths = tuple(sorted({source.path for source in track.sources.values()}))
        return cls(track.name, track.split, paths, track.stems, track.sample_rate, lambda: track)


def songs_in(
    root: str | Path,
    split: str = "test",
    stems: Sequence[str] = STEMS,
    sample_rate: int = 44100,
    channels: int = 2,
) -> list[TrackEntry]:
    """Find the songs of a data set: ``<root>/<split>/<song>/<stem>.wav``, or ``<root>/<split>/<song>.stem.mp4``.

    Args:
        root: Its folder.
        split: ``train``, ``valid`` or ``test``.
        stems: Those that every song must have.
        sample_rate: That they must have, Hz.
        channels: That they must have.

    Raises:
        InputError: If there is no data set.
    """
    form = TrackFormat(stems, sample_rate, channels)
    return [TrackEntry.of_files(files, form) for files in find_files(root, stems) if files.split == split]


def read_track(track: Track, stems: Sequence[str], sample_rate: int) -> TrackAudio:
    """Read a song whole; streams of a ``.stem.mp4`` may differ by some samples, of which the least count.

    Args:
        track: The song.
        stems: Those to score, as the song calls them, or ``accompaniment``: all but the vocals.
        sample_rate: Of the methods that are evaluated, Hz.

    Raises:
        InputError: If it lacks a stem, has another rate, or cannot be read.
    """
    if track.sample_rate != sample_rate:
        raise InputError(f"{track.path} has {track.sample_rate} Hz, and what is evaluated {sample_rate}: resample it.")
    missing = [stem for stem in stems if stem not in track.stems and stem != ACCOMPANIMENT]
    if missing or (ACCOMPANIMENT in stems and LEAD not in track.stems):
        raise InputError(
            f"{track.path} has the stems {', '.join(track.stems)} but not {', '.join(missing) or LEAD}: choose "
            "stems=[...] that every song has."
        )
    mixture, sources = track.mixture(), track.all_stems()
    length = min(mixture.shape[-1], sources.shape[-1])
    sources = sources[..., :length]
    targets = _targets(sources, track.stems, stems)
    return TrackAudio(track.name, track.split, sample_rate, tuple(stems), mixture[..., :length], targets, sources)


def _targets(sources: Tensor, names: Sequence[str], stems: Sequence[str]) -> Tensor:
    """What the stems should be, ``(n c t)``; the sources themselves where they are the same, without a copy."""
    if list(stems) == list(names):
        return sources
    others = [number for number, name in enumerate(names) if name != LEAD]
    return torch.stack(
        [sources[others].sum(dim=0) if stem == ACCOMPANIMENT else sources[names.index(stem)] for stem in stems]
    )
