"""Tracks to evaluate, on disk and in memory."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.data.layouts import UNKNOWN, StemFile, TrackFiles, TrackFormat, find_files
from bsroformer.data.track import Track, open_track
from bsroformer.errors import InputError
from bsroformer.evaluation.stem_names import ACCOMPANIMENT, LEAD

STEMS = ("vocals", "drums", "bass", "other")
"""Stems of MUSDB18."""


@dataclass(frozen=True)
class TrackAudio:
    """A track in memory.

    Attributes:
        name: Name of the track.
        split: ``train``, ``valid`` or ``test``.
        sample_rate: Hz.
        stems: Names of the stems to score.
        mixture: ``(c t)``.
        targets: True stems to score, ``(n c t)``.
        sources: All stems of the track, ``(k c t)``, which add up to the mixture.
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
    """A track to evaluate, opened in its turn.

    So a damaged track does not stop the others.

    Attributes:
        name: Name of the track.
        split: ``train``, ``valid`` or ``test``.
        paths: Its files.
        stems: Expected stems.
        sample_rate: Expected rate, Hz.
        open: Opens the track; raises InputError if it is unusable.
        made_of: Stems that are sums or differences of files, with these; empty if each is a file.
    """

    name: str
    split: str
    paths: tuple[Path, ...]
    stems: tuple[str, ...]
    sample_rate: int
    open: Callable[[], Track]
    made_of: str = ""

    @classmethod
    def of_files(cls, files: TrackFiles, form: TrackFormat) -> "TrackEntry":
        """Create an entry for files that were found, to be opened in this format."""
        paths = tuple(sorted({file.path for file in files.stems.values()}))
        open_files = partial(open_track, files, form)
        made_of = composition({stem: files.stems[stem] for stem in files.stems_among(form.stems)})
        return cls(files.name, files.split, paths, tuple(form.stems), form.sample_rate, open_files, made_of)

    @classmethod
    def of_track(cls, track: Track, stems: Sequence[str] | None = None) -> "TrackEntry":
        """Create an entry for an open track, with the stems of its data set unless those that it has are all."""
        paths = tuple(sorted({source.path for source in track.sources.values()}))
        known = [stem for stem in track.stems if stem != UNKNOWN]
        made_of = composition({stem: track.files[stem] for stem in track.stems if stem in track.files})
        return cls(track.name, track.split, paths, tuple(stems or known), track.sample_rate, lambda: track, made_of)


def composition(stems: Mapping[str, StemFile]) -> str:
    """List the stems that are sums or differences of files; empty if none is."""
    composed = [
        [stem, file.path.name, file.stream, file.plus, file.minus]
        for stem, file in stems.items()
        if file.plus or file.minus
    ]
    return json.dumps(composed) if composed else ""


def songs_in(
    root: str | Path,
    split: str = "test",
    stems: Sequence[str] = STEMS,
    sample_rate: int = 44100,
    channels: int = 2,
) -> list[TrackEntry]:
    """Find the tracks of a data set.

    They are ``<root>/<split>/<track>/<stem>.wav`` or ``<root>/<split>/<track>.stem.mp4``.

    Args:
        root: Folder of the data set.
        split: ``train``, ``valid`` or ``test``.
        stems: Stems that every track must have.
        sample_rate: Required rate, Hz.
        channels: Required channels.

    Raises:
        InputError: If there is no data set.
    """
    form = TrackFormat(stems, sample_rate, channels)
    return [TrackEntry.of_files(files, form) for files in find_files(root, stems) if files.split == split]


def read_track(track: Track, stems: Sequence[str], sample_rate: int) -> TrackAudio:
    """Read a whole track, up to the end of its shortest stream.

    Those of a ``.stem.mp4`` may differ by some samples. The target of an unknown stem is silence, which has no score.

    Args:
        track: The track.
        stems: Stems to score, by the track's names, or ``accompaniment``: all but the vocals.
        sample_rate: Rate of the evaluated methods, Hz.

    Raises:
        InputError: If it lacks a stem, has another rate, or cannot be read.
    """
    if track.sample_rate != sample_rate:
        raise InputError(f"{track.path} has {track.sample_rate} Hz, and the evaluation {sample_rate}; resample it.")
    _check_stems(track, stems)
    mixture = track.mixture()
    sources = track.all_stems()
    length = min(mixture.shape[-1], sources.shape[-1])
    sources = sources[..., :length]
    targets = _targets(sources, track.stems, stems)
    return TrackAudio(track.name, track.split, sample_rate, tuple(stems), mixture[..., :length], targets, sources)


def _check_stems(track: Track, stems: Sequence[str]) -> None:
    if UNKNOWN in track.stems:
        return
    missing = [stem for stem in stems if stem not in track.stems and stem != ACCOMPANIMENT]
    if ACCOMPANIMENT in stems and LEAD not in track.stems and not missing:
        missing = [LEAD]
    if missing:
        raise InputError(
            f"{track.path} has the stems {', '.join(track.stems)} but not {', '.join(missing)}; choose stems=[...] "
            "that every song has."
        )


def _targets(sources: Tensor, names: Sequence[str], stems: Sequence[str]) -> Tensor:
    """Select the true stems ``(n c t)``.

    They are the sources themselves, without a copy, if these are the same.
    """
    if list(stems) == list(names):
        return sources
    others = [number for number, name in enumerate(names) if name != LEAD]
    targets = []
    for stem in stems:
        if stem in names:
            targets.append(sources[names.index(stem)])
        elif stem == ACCOMPANIMENT and LEAD in names:
            targets.append(sources[others].sum(dim=0))
        else:
            targets.append(torch.zeros_like(sources[0]))
    return torch.stack(targets)
