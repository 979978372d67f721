"""Decode every track once, its stems side by side, and measure it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from math import inf

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bsroformer.audio.decoders import open_decoder
from bsroformer.audio.files import AudioInfo, measured, probe, regroup
from bsroformer.data.doctor.facts import StemFacts, TrackFacts, to_db
from bsroformer.data.doctor.meter import Meter, hop_of
from bsroformer.data.layouts import MIXTURE, StemFile, TrackFiles, TrackFormat
from bsroformer.errors import InputError
from bsroformer.parallel import mapping
from bsroformer.text import count

Audio = NDArray[np.float32]

CHUNK_HOPS = 64
"""Hops read at a time: 1.3 s, half a megabyte of stereo, which stays in a core's cache."""


def examine_tracks(files: Sequence[TrackFiles], form: TrackFormat, workers: int) -> Iterator[TrackFacts]:
    """Measure tracks, several at a time, and yield the facts in their order.

    Raises:
        InputError: A worker was killed.
    """
    with mapping(min(workers, len(files))) as run:
        yield from run(partial(examine, form=form), files)


def stated_seconds(song: TrackFiles, form: TrackFormat) -> float:
    """Read the length of a track from the header of its first file.

    It is 0 if no header can be read.
    """
    for file in _files(song, form).values():
        try:
            info = probe(file.path, file.stream)
        except (InputError, OSError):
            continue
        return (info.expected_frames or 0) / info.sample_rate
    return 0.0


def _files(song: TrackFiles, form: TrackFormat) -> dict[str, StemFile]:
    """List the files of the mixture and of the requested stems.

    ``rest`` has none of its own, and a sum has several.
    """
    requested = [name for name in (MIXTURE, *form.stems) if name in song.stems]
    return {name: song.stems[name] for name in song.file_names(requested)}


def examine(song: TrackFiles, form: TrackFormat) -> TrackFacts:
    """Decode and measure a track."""
    readers: dict[str, StemReader] = {}
    errors: dict[str, str] = {}
    with ExitStack() as opened:
        for name, file in _files(song, form).items():
            reader = _open(file)
            if isinstance(reader, StemReader):
                readers[name] = reader
                opened.callback(reader.close)
            else:
                errors[name] = reader
        residual = Residual(readers[MIXTURE].info.channels) if _adds_up(song, form, readers) else None
        _read_to_the_end(readers, residual)
    errors |= {name: reader.error for name, reader in readers.items() if reader.error}
    stems = {name: reader.meter.facts() for name, reader in readers.items() if name not in errors}
    if residual is None or any(stem.non_finite for stem in stems.values()):
        residual = Residual(channels=0)
    return TrackFacts(
        song,
        headers={name: _with_length(reader.info, stems.get(name)) for name, reader in readers.items()},
        stems=stems,
        errors=errors,
        damages={name: reader.damage for name, reader in readers.items() if reader.damage},
        residual_db=residual.db,
        residual_dbfs=residual.dbfs,
    )


def _open(file: StemFile) -> "StemReader | str":
    """Open a file, or return the reason why that is not possible."""
    try:
        return StemReader(file)
    except (InputError, OSError) as error:
        return _with_name_only(str(error), file)


def _with_length(info: AudioInfo, stem: StemFacts | None) -> AudioInfo:
    """Complete a header by the length that training takes the stream to have."""
    if stem is None:
        return info
    return replace(info, frames=stem.frames) if info.frames is None else measured(info)


def _adds_up(song: TrackFiles, form: TrackFormat, readers: Mapping[str, "StemReader"]) -> bool:
    """Check that the mixture should be the sum of the stems.

    Exactly these must exist, in one format.
    """
    formats = {(reader.info.sample_rate, reader.info.channels) for reader in readers.values()}
    if not {MIXTURE, *form.stems} <= song.stems.keys():
        return False
    used = {MIXTURE, *song.file_names(form.stems)}
    complete = readers.keys() == used and song.stems.keys() <= {*used, *form.stems}
    return complete and len(formats) == 1


def _read_to_the_end(readers: Mapping[str, "StemReader"], residual: "Residual | None") -> None:
    """Read all stems, a chunk of each at a time."""
    active = dict(readers)
    while active:
        chunks: dict[str, Audio] = {}
        for name, reader in active.items():
            chunk = reader.next()
            if chunk is not None:
                chunks[name] = chunk
        if residual is not None and len(chunks) == len(readers):
            residual.add(chunks)
        active = {name: active[name] for name in chunks}


class StemReader:
    """Reads and measures one stem, and collects its decoder's warnings.

    Unlike `bsroformer.audio.files.blocks` it reads past samples that are not finite, to count them.

    Args:
        file: The stem.

    Raises:
        InputError: It cannot be opened, or has no such stream.
    """

    def __init__(self, file: StemFile) -> None:
        self._file = file
        self._decoder = open_decoder(file.path)
        infos = self._decoder.infos
        if file.stream >= len(infos):
            self._decoder.close()
            raise InputError(
                f"{file.path} has {count(len(infos), 'audio stream')}, so none with the number {file.stream}"
            )
        self.info: AudioInfo = infos[file.stream]
        self.meter = Meter(self.info.sample_rate, self.info.channels)
        self.error: str | None = None
        """Reason why it could not be read to its end."""
        self.damage: str | None = None
        """The decoder's last warning."""
        size = CHUNK_HOPS * hop_of(self.info.sample_rate)
        self._chunks = regroup(self._blocks(), size)

    def next(self) -> Audio | None:
        """Read and measure the next chunk (c t); None at the end."""
        chunk = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                chunk = next(self._chunks, None)
            except (InputError, OSError) as error:
                self.error = _with_name_only(str(error), self._file)
        for warning in caught:
            self.damage = _with_name_only(str(warning.message), self._file)
        if chunk is None:
            return None
        audio = np.ascontiguousarray(chunk.numpy())
        self.meter.add(audio)
        return audio

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()

    def _blocks(self) -> Iterator[Tensor]:
        """Decode blocks.

        Raises:
            InputError: There are none.
        """
        empty = True
        for block in self._decoder.decode(self._file.stream, 0):
            empty = False
            yield block
        if empty:
            raise InputError(f"{self._file.path} holds no samples")


def _with_name_only(sentence: str, file: StemFile) -> str:
    """Shorten a sentence about a file to a phrase, with its name for its path."""
    return sentence.replace(str(file.path), file.path.name).partition("; copy or download")[0].rstrip(".")


class Residual:
    """Energy of the mixture minus the sum of the stems, over the length that all have."""

    def __init__(self, channels: int) -> None:
        self._energy = np.zeros(channels)
        self._mixture = np.zeros(channels)
        self._frames = 0

    def add(self, chunks: Mapping[str, Audio]) -> None:
        """Measure the next chunk (c t) of each."""
        frames = min(chunk.shape[1] for chunk in chunks.values())
        mixture = chunks[MIXTURE][:, :frames]
        residual = mixture.copy()
        for name, chunk in chunks.items():
            if name != MIXTURE:
                residual -= chunk[:, :frames]
        self._energy += np.einsum("ct,ct->c", residual, residual)
        self._mixture += np.einsum("ct,ct->c", mixture, mixture)
        self._frames += frames

    @property
    def db(self) -> tuple[float, ...]:
        """Energy of the residual over that of the mixture in each channel, dB.

        It is infinite if the mixture is silent.
        """
        return tuple(_ratio_db(*pair) for pair in zip(self._energy, self._mixture, strict=True))

    @property
    def dbfs(self) -> tuple[float, ...]:
        """RMS level of the residual in each channel, dBFS."""
        frames = max(1, self._frames)
        return tuple(to_db(np.sqrt(energy / frames)) for energy in self._energy)


def _ratio_db(residual: float, mixture: float) -> float:
    if mixture:
        return to_db(np.sqrt(residual / mixture))
    return inf if residual else -inf
