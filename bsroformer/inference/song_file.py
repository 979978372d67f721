"""A file in, the files of its stems out."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from bsroformer.atomic import locked, replacing
from bsroformer.audio.encoders import Sound, stored
from bsroformer.audio.files import blocks, probe
from bsroformer.audio.tags import read_tags
from bsroformer.audio.writer import encoding
from bsroformer.errors import InputError
from bsroformer.inference.delivery import Delivery
from bsroformer.inference.overflow import overflow_reason
from bsroformer.inference.song_stems import READ_BLOCK, SongStems
from bsroformer.inference.stem_folder import stem_folder
from bsroformer.inference.stream_separator import Progress, StreamSeparator, told

CEILING = 1 - 2**-15
"""The largest sample after rescaling: the largest that 16 bits hold."""


@dataclass(frozen=True)
class SeparatedSong:
    """What became of a file.

    Attributes:
        source: The file.
        files: Its stems.
        seconds: Length of the music.
        seconds_taken: By its separation.
        clipped: Samples beyond full scale that were cut off, by the stem's name.
        gain: By which all stems were scaled so that none would be.
    """

    source: Path
    files: tuple[Path, ...]
    seconds: float
    seconds_taken: float
    clipped: dict[str, int]
    gain: float = 1.0


def separate_file(
    separator: StreamSeparator,
    source: str | Path,
    folder: str | Path,
    delivery: Delivery | None = None,
    rest: str | None = None,
    downmix: bool = False,
    mark: str = "separate_file",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    stream: int | None = None,
) -> SeparatedSong:
    """Separate a file of any length in constant memory; its stems get their names once all of them are complete.

    Args:
        separator: What separates.
        source: The file.
        folder: Where to write ``<stem>.<format>``. What an interrupted run left there is removed.
        delivery: In which form.
        rest: See `SongStems`. Where stems are written as integers, it is the rest of what is written.
        downmix: See `SongStems`.
        mark: A word that is kept among the tags of each stem, to know it again: `Song.done`.
        progress: Called after each piece that is written.
        cancelled: Asked after each piece that is written whether to stop.
        stream: See `SongStems`.

    Raises:
        InputError: If the file cannot be read or the stems cannot be written.
        Cancelled: If it was; nothing is left in the folder that was not there.
    """
    begun, delivery, folder = time.monotonic(), delivery or Delivery(), Path(folder)
    codec = probe(source, stream or 0).codec
    subtype, clips = delivery.subtype(codec), delivery.clips(codec)
    rescales = delivery.rescale and clips
    levels = _Levels(source, "FLOAT" if rescales else subtype, separator.precision)
    song = SongStems(separator, source, rest, downmix, levels.settle, stream)
    files = [delivery.path(folder, name) for name in song.names]
    sound = Sound(song.sample_rate, song.channels, subtype, delivery.bitrate, read_tags(song.path), mark)
    expected, gain = song.info.expected_frames, 1.0
    with stem_folder(folder, files), closing(song.__iter__()) as stems:
        pieces = told(stems, song.sample_rate, expected, progress, cancelled)
        if rescales:
            gain = _write_rescaled(files, sound, expected, pieces, levels)
        else:
            _write(files, sound, expected, pieces)
    beyond = {name: levels.beyond[number] for number, name in enumerate(song.names)} if clips and not rescales else {}
    return SeparatedSong(
        song.path,
        tuple(files),
        seconds=levels.frames / song.sample_rate,
        seconds_taken=time.monotonic() - begun,
        clipped={name: count for name, count in beyond.items() if count},
        gain=gain,
    )


class _Levels:
    """How loud the stems of `source` are, which will be stored as `subtype`, and were computed in `precision`.

    Attributes:
        beyond: Samples beyond full scale, by the stem's number.
        peak: The largest magnitude of all.
        frames: Samples per channel.
    """

    def __init__(self, source: str | Path, subtype: str, precision: str) -> None:
        self.source, self.subtype, self.precision = source, subtype, precision
        self.peak, self.frames = 0.0, 0
        self.beyond: Counter[int] = Counter()

    def settle(self, number: int, stem: Tensor) -> Tensor:
        """A stem's samples ``(c t)`` as they will be stored.

        Raises:
            InputError: If they are not finite.
        """
        if stem.numel() == 0:
            return stem
        magnitudes = stem.abs()
        peak = float(magnitudes.max())
        if not math.isfinite(peak):
            raise InputError(
                f"{self.source} has stems with NaN or infinite samples, so they are not written; "
                + overflow_reason(_peak_of(self.source), self.precision)
            )
        self.peak = max(self.peak, peak)
        self.beyond[number] += int((magnitudes > 1).sum())
        self.frames += stem.shape[-1] if number == 0 else 0
        return stored(stem, self.subtype)


def _peak_of(source: str | Path) -> float:
    return max((float(block.abs().max()) for block in blocks(source, READ_BLOCK) if block.numel()), default=0.0)


def _write(files: Sequence[Path], sound: Sound, frames: int | None, pieces: Iterable[Tensor]) -> None:
    """Write the stems; no file gets its name before all are closed."""
    with ExitStack() as names, ExitStack() as encoders:
        partials = [names.enter_context(replacing(path)) for path in files]
        targets = zip(partials, files, strict=True)
        appends = [encoders.enter_context(encoding(partial, path, sound, frames)) for partial, path in targets]
        for piece in pieces:
            for append, stem in zip(appends, piece, strict=True):
                append(stem)


def _write_rescaled(
    files: Sequence[Path], sound: Sound, frames: int | None, pieces: Iterable[Tensor], levels: _Levels
) -> float:
    """Write to float files aside first, since the last sample may be the loudest; returns the gain."""
    folder = files[0].parent
    with (
        TemporaryDirectory(prefix=f".rescaling.{os.getpid()}.", suffix=".part", dir=folder) as aside,
        locked(Path(aside)),
    ):
        rough = [Path(aside) / f"{number}.w64" for number in range(len(files))]
        _write(rough, replace(sound, subtype="FLOAT", tags={}, mark=""), frames, pieces)
        gain = CEILING / max(levels.peak, CEILING)
        again = zip(*(blocks(path, READ_BLOCK) for path in rough), strict=True)
        _write(files, sound, levels.frames, (gain * torch.stack(stems) for stems in again))
    return gain
