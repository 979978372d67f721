"""Decode every song once, its stems side by side."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bsroformer.audio.files import AudioInfo, probe
from bsroformer.data.doctor.facts import StemFacts, TrackFacts, decibels
from bsroformer.data.doctor.reader import StemReader
from bsroformer.data.layouts import MIXTURE, TrackFiles, TrackFormat
from bsroformer.errors import InputError
from bsroformer.parallel import mapping


def examine_songs(songs: Sequence[TrackFiles], form: TrackFormat, workers: int) -> Iterator[TrackFacts]:
    """Listen to songs, several at a time; what is found comes in their order.

    Raises:
        InputError: A worker was killed.
    """
    with mapping(min(workers, len(songs))) as run:
        yield from run(partial(examine, form=form), songs)


def stated_seconds(song: TrackFiles, form: TrackFormat) -> float:
    """Length of a song by the header of its first file; 0 if that cannot be read."""
    for name in (MIXTURE, *form.stems):
        if name in song.stems and not song.stems[name].minus:  # a rest is made of the others
            try:
                info = probe(song.stems[name].path, song.stems[name].stream)
            except (InputError, OSError):
                continue
            return (info.expected_frames or 0) / info.sample_rate
    return 0.0


def examine(song: TrackFiles, form: TrackFormat) -> TrackFacts:
    """Listen to a song."""
    readers: dict[str, StemReader] = {}
    errors: dict[str, str] = {}
    with ExitStack() as files:
        for name in (MIXTURE, *form.stems):
            if name not in song.stems or song.stems[name].minus:
                continue
            try:
                readers[name] = StemReader(song.stems[name])
                files.callback(readers[name].close)
            except (InputError, OSError) as error:
                path = song.stems[name].path
                errors[name] = str(error).replace(str(path), path.name).rstrip(".")
        residual = Residual(readers) if _adds_up(song, form, readers) else None
        _read(readers, residual)
    errors |= {name: reader.error for name, reader in readers.items() if reader.error}
    stems = {name: reader.meter.facts() for name, reader in readers.items() if name not in errors}
    if any(stem.bad for stem in stems.values()):
        residual = None
    return TrackFacts(
        song,
        {name: _with_length(reader.info, stems.get(name)) for name, reader in readers.items()},
        stems,
        errors,
        {name: reader.damage for name, reader in readers.items() if reader.damage},
        residual.db if residual else (),
        residual.dbfs if residual else (),
    )


def _with_length(info: AudioInfo, stem: StemFacts | None) -> AudioInfo:
    """The description of a stream with the length that was counted, if its header has none to be believed."""
    return info if info.frames is not None or stem is None else replace(info, frames=stem.frames)


def _adds_up(song: TrackFiles, form: TrackFormat, readers: Mapping[str, StemReader]) -> bool:
    """Whether the mixture should be the sum of the stems: all are there, no others, and they fit together."""
    forms = {(reader.info.sample_rate, reader.info.channels) for reader in readers.values()}
    return len(forms) == 1 and song.stems.keys() == readers.keys() == {MIXTURE, *form.stems}


def _read(readers: Mapping[str, StemReader], residual: "Residual | None") -> None:
    """Read all to the end, a piece of each at a time."""
    reading = dict(readers)
    while reading:
        pieces = {name: reader.next() for name, reader in reading.items()}
        heard = {name: piece for name, piece in pieces.items() if piece is not None}
        if residual and len(heard) == len(readers):
            residual.add(heard)
        reading = {name: reading[name] for name in heard}


class Residual:
    """How far the mixture is from the sum of the stems, over the length that all have."""

    def __init__(self, readers: Mapping[str, StemReader]) -> None:
        channels = readers[MIXTURE].info.channels
        self._energy, self._mixture, self._frames = np.zeros(channels), np.zeros(channels), 0

    def add(self, pieces: Mapping[str, NDArray[np.float32]]) -> None:
        """Measure on, in the next piece (c t) of each."""
        frames = min(piece.shape[1] for piece in pieces.values())
        mixture = pieces[MIXTURE][:, :frames]
        rest = mixture.copy()
        for name, piece in pieces.items():
            if name != MIXTURE:
                rest -= piece[:, :frames]
        self._energy += np.einsum("ct,ct->c", rest, rest)
        self._mixture += np.einsum("ct,ct->c", mixture, mixture)
        self._frames += frames

    @property
    def db(self) -> tuple[float, ...]:
        """Energy of the rest over that of the mixture in each channel, dB; inf where the mixture is silent."""
        pairs = zip(self._energy, self._mixture, strict=True)
        return tuple(decibels(np.sqrt(rest / mixture)) if mixture else _of_silence(rest) for rest, mixture in pairs)

    @property
    def dbfs(self) -> tuple[float, ...]:
        """RMS level of the rest in each channel, dBFS."""
        return tuple(decibels(np.sqrt(rest / max(1, self._frames))) for rest in self._energy)


def _of_silence(rest: float) -> float:
    return float("inf") if rest else -float("inf")
