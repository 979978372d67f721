"""Ways to read an excerpt of all stems to a contiguous tensor (n c t)."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from bsroformer.data.layouts import TrackFormat
from bsroformer.data.track import AnyTrack, Track
from bsroformer.errors import InputError
from bsroformer.metrics import sdr

LEAST_SDR = 6  # dB, of what AAC leaves of the songs: what comes from elsewhere has about -3 dB


class Excerpt(NamedTuple):
    """Position of an excerpt."""

    song: int
    """Number of the song."""
    start: int
    """First sample."""
    frames: int
    """Samples per channel."""


Way = Callable[[Excerpt], Tensor]


def from_packs(songs: Sequence[AnyTrack], excerpt: Excerpt) -> Tensor:
    """Read as this project's training does, from a memory-mapped array."""
    return songs[excerpt.song].all_stems(excerpt.start, excerpt.frames).contiguous()


def from_soundfile(tracks: Sequence[Track], excerpt: Excerpt) -> Tensor:
    """Read a part of each stem's wav file, as most training code does."""
    track = tracks[excerpt.song]
    return torch.stack([_part(track.sources[stem].path, excerpt) for stem in track.stems])


def from_musdb(tracks: Sequence[Any], form: TrackFormat, excerpt: Excerpt) -> Tensor:
    """Read a part of each stream of a ``.stem.mp4``, as musdb's documentation shows."""
    track = tracks[excerpt.song]
    track.chunk_start = excerpt.start / form.sample_rate
    track.chunk_duration = excerpt.frames / form.sample_rate
    return torch.stack([torch.from_numpy(track.sources[stem].audio.astype(np.float32)).T for stem in form.stems])


def open_with_musdb(folder: Path, names: Sequence[str]) -> list[Any]:
    """Open the songs of these names in ``<folder>/train`` with musdb."""
    import musdb

    found = {track.name: track for track in musdb.DB(root=str(folder), subsets="train").tracks}
    return [found[name] for name in names]


def refuse_without_musdb() -> None:
    """Check that musdb works.

    Raises:
        InputError: If it does not.
    """
    if not (find_spec("musdb") and shutil.which("ffmpeg") and shutil.which("ffprobe")):
        raise InputError(
            "the package musdb, or ffmpeg and ffprobe, are not there to compare with; install them, or leave them out "
            "with musdb_excerpts=0"
        )


def check_agreement(ways: Mapping[str, Way], excerpt: Excerpt) -> None:
    """Check that all ways read the same excerpt; the first is exact.

    Audio from AAC only has to be similar.

    Raises:
        AssertionError: If they differ.
    """
    first, *others = (read(excerpt) for read in ways.values())
    for way, audio in zip(list(ways)[1:], others, strict=True):
        close = sdr(audio, first)  # NaN where a stem is silent
        if (close < LEAST_SDR).any():
            raise AssertionError(f"{way} reads something else: {close.tolist()} dB SDR")


def _part(path: Path, excerpt: Excerpt) -> Tensor:
    """Read a part of a file, (c t)."""
    with soundfile.SoundFile(path) as file:
        file.seek(excerpt.start)
        return torch.from_numpy(file.read(excerpt.frames, dtype="float32", always_2d=True)).T
