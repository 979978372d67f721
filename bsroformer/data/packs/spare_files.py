"""The files of a packed track, which are read where its pack turns out to be damaged."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from bsroformer.data.layouts import TrackFiles, TrackFormat
from bsroformer.data.track import Track, open_track
from bsroformer.errors import InputError
from bsroformer.invocation import command_line


def rebuild() -> str:
    """Return how to replace a damaged pack."""
    return f"remove it and run {command_line('prepare', 'action=pack')} again"


class SpareFiles:
    """Reads stems from a track's files, with a warning the first time in each process.

    Args:
        files: The track's files.
        form: What its pack holds.
    """

    def __init__(self, files: TrackFiles, form: TrackFormat) -> None:
        self.files, self.form = files, form
        self._track: Track | None = None

    def read(self, stems: Sequence[str], start: int, frames: int, damage: str) -> Tensor:
        """Read stems (n c t).

        Args:
            stems: Names of stems.
            start: First sample.
            frames: Samples per channel.
            damage: What is wrong with the pack.

        Raises:
            InputError: The files do not fit without what packing changes in them, or cannot be read.
        """
        if self._track is None:
            self._track = self._open(damage)
            warnings.warn(f"{damage}; the song's files are read instead; {rebuild()}", stacklevel=1)
        pieces = [self._track.stem(stem, start, frames) for stem in stems]
        shortest = min(piece.shape[-1] for piece in pieces)
        return torch.stack([piece[:, :shortest] for piece in pieces])

    def _open(self, damage: str) -> Track:
        try:
            return open_track(self.files, self.form)
        except InputError as error:
            raise InputError(f"{damage}; {rebuild()}, since its files do not replace it ({error})") from error
