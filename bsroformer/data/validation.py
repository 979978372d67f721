"""Excerpts to validate on, which never change: some of each song, or all of it."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from bsroformer.data.excerpts import padded
from bsroformer.data.track import AnyTrack

PerSong = int | Literal["all"]


class ValidationExcerpt(NamedTuple):
    """An excerpt as it is in its song, or a batch of them."""

    stems: Tensor
    """``(n c t)`` or ``(b n c t)``, padded with silence at the end where the song is over."""
    piece: Tensor
    """What it is part of, counted from 0, ``()`` or ``(b)``: the excerpts of a piece are scored as one signal."""
    frames: Tensor
    """Samples that are of the song, ``()`` or ``(b)``; what follows is padding, not to be scored."""


class _Place(NamedTuple):
    song: AnyTrack
    start: int
    piece: int


class ValidationExcerpts(Dataset[ValidationExcerpt]):
    """The same excerpts each time.

    Args:
        songs: The songs.
        frames: Length of an excerpt, samples.
        per_song: So many of each song, evenly spaced, each a piece of its own; or ``all``: consecutive excerpts that
            cover the song, which is one piece.
    """

    def __init__(self, songs: Sequence[AnyTrack], frames: int, per_song: PerSong) -> None:
        self.frames = frames
        if per_song == "all":
            self._places = [
                _Place(song, start, number)
                for number, song in enumerate(songs)
                for start in range(0, song.frames, frames)
            ]
        else:
            starts = [(song, start) for song in songs for start in _evenly_spaced(song.frames, frames, per_song)]
            self._places = [_Place(song, start, number) for number, (song, start) in enumerate(starts)]
        self.pieces = len(songs) if per_song == "all" else len(self._places)

    def __getitem__(self, index: int) -> ValidationExcerpt:
        """An excerpt by its number."""
        song, start, piece = self._places[index]
        frames = min(self.frames, song.frames - start)
        stems = padded(song.all_stems(start, frames), self.frames)
        return ValidationExcerpt(stems, torch.tensor(piece), torch.tensor(frames))

    def __len__(self) -> int:
        return len(self._places)


def _evenly_spaced(song_frames: int, frames: int, count: int) -> list[int]:
    """Where `count` excerpts start whose middles divide the song evenly, moved inwards where they would stand out."""
    middles = [(number + 0.5) / count * song_frames for number in range(count)]
    return [min(max(0, round(middle - frames / 2)), max(0, song_frames - frames)) for middle in middles]
