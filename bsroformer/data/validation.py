"""Fixed excerpts to validate on: some of each track, or all of it."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from bsroformer.data.excerpts import padded
from bsroformer.data.known_stems import in_order
from bsroformer.data.layouts import UNKNOWN
from bsroformer.data.track import AnyTrack

PerSong = int | Literal["all"]


class ValidationExcerpt(NamedTuple):
    """An excerpt of a track as it is, or a batch of them."""

    stems: Tensor
    """``(n c t)`` or ``(b n c t)``, padded with silence after the end of the track."""
    piece: Tensor
    """Number of the signal that it is part of, ``()`` or ``(b)``: excerpts of one piece are scored as one signal."""
    frames: Tensor
    """Samples of the track, ``()`` or ``(b)``; padding follows them and is not scored."""
    known: Tensor
    """Which stems are known, ``(n)`` or ``(b n)``: see `KnownStems`."""


class _FixedExcerpt(NamedTuple):
    track: AnyTrack
    start: int
    piece: int


class ValidationExcerpts(Dataset[ValidationExcerpt]):
    """The same excerpts each time.

    Args:
        tracks: The tracks.
        stems: Names of the stems; unknown ones of a track are known as a sum.
        frames: Length of an excerpt, samples.
        per_song: Number of excerpts of each track, evenly spaced, each a piece of its own; or ``all``: consecutive
            excerpts that cover the track, which is one piece.
    """

    def __init__(self, tracks: Sequence[AnyTrack], stems: Sequence[str], frames: int, per_song: PerSong) -> None:
        self.stems = stems
        self.has_unknown = any(UNKNOWN in track.stems for track in tracks)
        self.frames = frames
        self._excerpts: list[_FixedExcerpt] = []
        for number, track in enumerate(tracks):
            if per_song == "all":
                for start in range(0, track.frames, frames):
                    self._excerpts.append(_FixedExcerpt(track, start, number))
            else:
                for start in _evenly_spaced(track.frames, frames, per_song):
                    self._excerpts.append(_FixedExcerpt(track, start, len(self._excerpts)))
        self.pieces = len(tracks) if per_song == "all" else len(self._excerpts)

    def __getitem__(self, index: int) -> ValidationExcerpt:
        """Read an excerpt by its number."""
        track, start, piece = self._excerpts[index]
        frames = min(self.frames, track.frames - start)
        audio = padded(track.all_stems(start, frames), self.frames)
        stems, known = in_order(track.stems, audio, self.stems)
        return ValidationExcerpt(stems, torch.tensor(piece), torch.tensor(frames), known)

    def __len__(self) -> int:
        return len(self._excerpts)


def _evenly_spaced(track_frames: int, frames: int, count: int) -> list[int]:
    """Compute the starts of `count` excerpts, evenly spaced.

    Their middles divide the track evenly; starts outside of it are moved inside.
    """
    last_start = max(0, track_frames - frames)
    starts = []
    for number in range(count):
        middle = (number + 0.5) / count * track_frames
        start = round(middle - frames / 2)
        starts.append(min(max(0, start), last_start))
    return starts
