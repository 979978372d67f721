"""A track of a data set: its stems on disk, opened and ready to be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from bsroformer.audio.files import AudioInfo, EndsBeforeError, measured, probe, read
from bsroformer.data.layouts import MIXTURE, UNKNOWN, StemFile, TrackFiles, TrackFormat
from bsroformer.data.levels import Levels
from bsroformer.data.track_check import describe_mismatches, expected, find_mismatches, open_sources
from bsroformer.errors import InputError
from bsroformer.text import count


class AnyTrack(Protocol):
    """A track of files or of a pack, from which excerpts are read."""

    @property
    def name(self) -> str:
        """The track's name."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The requested stems that it has, and `UNKNOWN` at the end if the others are known as a sum."""

    @property
    def frames(self) -> int:
        """Samples per channel."""

    @property
    def levels(self) -> Levels | None:
        """Levels of each stem, or None if unknown."""

    @property
    def weight(self) -> float:
        """Factor of the chance that a second of it is drawn."""

    def stem(self, stem: str, start: int = 0, frames: int | None = None) -> Tensor:
        """Read one stem (c t)."""

    def all_stems(self, start: int = 0, frames: int | None = None) -> Tensor:
        """Read every stem (n c t)."""


@dataclass(frozen=True)
class Track:
    """A track of files whose stems all have the same length, sample rate and channels.

    Attributes:
        name: The track's name.
        split: ``train``, ``valid`` or ``test``.
        path: Its file or folder.
        stems: Names of the stems, in the order of ``all_stems``: the requested ones that it has, and `UNKNOWN` at the
            end if the others are known as a sum.
        sample_rate: In Hz.
        channels: Channels of each stem.
        frames: Samples per channel of the shortest stem, or of the longest if they are uneven; reading stops there.
        sources: Audio stream of each file that is read, by its name: of stems and the parts of their sums, and of
            ``mixture`` if there is one.
        files: How stems are made of them: what is subtracted and added.
        uneven: Whether files may end before others; silence follows them.
        weight: How often a second of it is drawn, relative to others.
    """

    name: str
    split: str
    path: Path
    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    frames: int
    sources: Mapping[str, AudioInfo]
    files: Mapping[str, StemFile] = field(default_factory=dict)
    uneven: bool = False
    weight: float = 1.0

    @property
    def levels(self) -> None:
        """Unknown without decoding the files: `bsroformer.data.packs` does that."""

    def stem(self, stem: str, start: int = 0, frames: int | None = None) -> Tensor:
        """Read one stem.

        Args:
            stem: One of ``stems``, or ``mixture``.
            start: First sample.
            frames: Samples per channel, or None for all; the track's end shortens an excerpt past it.

        Returns:
            Audio (c t) in float32.

        Raises:
            InputError: The track has no such stem or no sample at ``start``, or its file cannot be read.
        """
        if stem not in (*self.stems, *self.sources):
            raise InputError(f"{self.path} was opened with {', '.join(self.sources)}, not {stem}; ask for one of them.")
        if start >= self.frames:
            raise InputError(f"{self.path} has {self.frames} samples, so none at {start}; start earlier.")
        available = self.frames - start
        frames = available if frames is None else min(frames, available)
        if stem not in self.sources:  # it is silent
            return torch.zeros(self.channels, frames)
        audio = self._read(self.sources[stem], start, frames)
        file = self.files.get(stem)
        if file is None:
            return audio
        added = [self._read(self.sources[name], start, frames) for name in file.plus]
        subtracted = [self.stem(name, start, frames) for name in file.minus]
        return combined(audio, added, subtracted)

    def _read(self, source: AudioInfo, start: int, frames: int) -> Tensor:
        """Read an excerpt (c t) of one stream in the track's format."""
        available = (source.frames or 0) - start
        if self.uneven and available < frames:
            audio = self._read_available(source, start, max(0, available))
            return F.pad(audio, (0, frames - audio.shape[-1]))
        return self._read_available(source, start, frames)

    def _read_available(self, source: AudioInfo, start: int, frames: int) -> Tensor:
        """Read an excerpt (c t) that a stream has."""
        if frames == 0:
            return torch.zeros(self.channels, 0)
        try:
            audio, rate = read(source.path, start, frames, source.stream)
        except EndsBeforeError:
            _check_length(source)
            raise
        if audio.shape[1] < min(frames, (source.frames or 0) - start):
            _check_length(source)
        if (len(audio), rate) != (self.channels, self.sample_rate):
            raise InputError(
                f"{source.path} has {count(len(audio), 'channel')} and {rate} Hz, and had {self.channels} and "
                f"{self.sample_rate} Hz when it was opened; restore it."
            )
        return audio

    def all_stems(self, start: int = 0, frames: int | None = None) -> Tensor:
        """Read every stem into one tensor (n c t), in the order of ``stems``."""
        audio = [self.stem(stem, start, frames) for stem in self.stems]
        # Packets of a damaged file may be missing.
        shortest = min(stem.shape[-1] for stem in audio)
        return torch.stack([stem[:, :shortest] for stem in audio])

    def mixture(self, start: int = 0, frames: int | None = None) -> Tensor:
        """Read the mixture (c t) as given, or the sum of the stems if there is none."""
        if MIXTURE in self.sources:
            return self.stem(MIXTURE, start, frames)
        return self.all_stems(start, frames).sum(dim=0)


def combined(audio: Tensor, added: list[Tensor], subtracted: list[Tensor]) -> Tensor:
    """Add signals (c t) to one and subtract others, over the length that all share."""
    if not added and not subtracted:
        return audio
    length = min(each.shape[-1] for each in (audio, *added, *subtracted))
    terms = [audio[:, :length]]
    terms += [each[:, :length] for each in added]
    terms += [-each[:, :length] for each in subtracted]
    return torch.stack(terms).sum(dim=0)


def _check_length(source: AudioInfo) -> None:
    """Check that a stream is as long as when its track was opened.

    Raises:
        InputError: If its file was cut meanwhile.
    """
    now = measured(probe(source.path, source.stream))
    if now.frames != source.frames:
        raise InputError(
            f"{source.path} has {now.frames} samples, and had {source.frames} when it was opened; restore it."
        )


def open_track(song: TrackFiles, form: TrackFormat) -> Track:
    """Check one track by the headers of its files, without decoding them.

    Raises:
        InputError: A stem is missing or unreadable, or differs from the others in rate, channels or length. The
            streams of a ``.stem.mp4`` may differ in length: the shortest counts.
    """
    sources = open_sources(song, form)
    mismatches = [mismatch for mismatch in find_mismatches(sources, form) if not expected(mismatch, song)]
    if mismatches:
        raise InputError(describe_mismatches(song, form, mismatches))
    stems = stems_of(song, form)
    lengths = [info.frames or 0 for name, info in sources.items() if name != MIXTURE]
    frames = max(lengths) if song.uneven else min(lengths)
    files = {name: song.stems[name] for name in (MIXTURE, *stems) if name in sources}
    name_and_split = song.name, song.split
    form_of_stems = form.sample_rate, form.channels
    return Track(*name_and_split, song.path, stems, *form_of_stems, frames, sources, files, song.uneven, song.weight)


def stems_of(song: TrackFiles, form: TrackFormat) -> tuple[str, ...]:
    """List the stems of an opened track."""
    requested = [stem for stem in (*form.stems, UNKNOWN) if stem in song.stems or stem in song.silent]
    return tuple(requested)
