"""Separation of a file into files of its stems."""

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
from bsroformer.audio.encoders import EncodingSpec, quantized
from bsroformer.audio.files import blocks
from bsroformer.audio.tags import read_tags
from bsroformer.audio.writer import open_encoder
from bsroformer.errors import InputError
from bsroformer.inference.delivery import Delivery
from bsroformer.inference.overflow import overflow_reason
from bsroformer.inference.song_stems import READ_BLOCK, SongStems
from bsroformer.inference.stem_folder import stem_folder
from bsroformer.inference.stream_separator import Progress, StreamSeparator, with_progress

RESCALED_PEAK = 1 - 2**-15
"""Largest magnitude after rescaling: the largest sample of 16 bits."""


@dataclass(frozen=True)
class SeparatedSong:
    """Result of the separation of a file.

    Attributes:
        source: The file.
        files: Files of its stems.
        seconds: Length of the music.
        seconds_taken: Duration of the separation.
        clipped: Number of clipped samples by stem.
        gain: Factor of all stems that avoids clipping, with ``rescale``.
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
    """Separate a file of any length in constant memory.

    The stems get their names once all of them are complete.

    Args:
        separator: The separator.
        source: The file.
        folder: Folder of the files ``<stem>.<format>``. Leftovers of an interrupted run in it are removed.
        delivery: Format of the stems.
        rest: See `SongStems`. It is the mixture minus the stems as they are stored, rounding included.
        downmix: See `SongStems`.
        mark: Fingerprint in the tags of each stem: see `Song.fingerprint`.
        progress: Called after each block that is written.
        cancelled: Called after each block that is written; true stops the separation.
        stream: See `SongStems`.

    Raises:
        InputError: If the file cannot be read or the stems cannot be written.
        Cancelled: If `cancelled` returned true; the folder is as it was before.
    """
    song = SongStems(separator, source, rest, downmix, stream=stream)
    return write_stems(song, folder, delivery or Delivery(), mark, progress, cancelled)


def write_stems(
    song: SongStems,
    folder: str | Path,
    delivery: Delivery,
    mark: str,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SeparatedSong:
    """Separate an opened song, and write its stems: see `separate_file`."""
    started = time.monotonic()
    subtype = delivery.subtype(song.info.codec)
    clips = delivery.clips(song.info.codec)
    rescales = delivery.rescale and clips
    levels = _Levels(song.path, "FLOAT" if rescales else subtype, song.separator.precision)
    song.settle = levels.quantize
    files = [delivery.path(Path(folder), name) for name in song.names]
    tags = read_tags(song.path)
    digest = song.separator.model_digest
    spec = EncodingSpec(song.sample_rate, song.channels, subtype, delivery.bitrate, tags, mark, digest)
    expected = song.info.expected_frames
    gain = 1.0
    with stem_folder(Path(folder), files), closing(song.__iter__()) as stems:
        stem_blocks = with_progress(stems, song.sample_rate, expected, progress, cancelled)
        if rescales:
            gain = _write_rescaled(files, spec, expected, stem_blocks, levels)
        else:
            _write(files, spec, expected, stem_blocks)
    return SeparatedSong(
        song.path,
        tuple(files),
        seconds=levels.frames / song.sample_rate,
        seconds_taken=time.monotonic() - started,
        clipped=levels.clipped(song.names) if clips and not rescales else {},
        gain=gain,
    )


class _Levels:
    """Levels of the stems while they are separated.

    Args:
        source: The file, for messages.
        subtype: Way in which stems are stored.
        precision: Precision of the network, for messages.

    Attributes:
        beyond: Number of samples beyond full scale, by the number of the stem.
        peak: Largest magnitude of all stems.
        frames: Samples per channel.
    """

    def __init__(self, source: Path, subtype: str, precision: str) -> None:
        self.source = source
        self.subtype = subtype
        self.precision = precision
        self.peak = 0.0
        self.frames = 0
        self.beyond: Counter[int] = Counter()

    def clipped(self, names: Sequence[str]) -> dict[str, int]:
        """Return the number of samples beyond full scale of each stem that has some."""
        return {name: self.beyond[number] for number, name in enumerate(names) if self.beyond[number]}

    def quantize(self, number: int, stem: Tensor) -> Tensor:
        """Measure a stem's samples ``(c t)`` and round them as they are stored.

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
        if number == 0:
            self.frames += stem.shape[-1]
        return quantized(stem, self.subtype)


def _peak_of(source: Path) -> float:
    peak = 0.0
    for block in blocks(source, READ_BLOCK):
        if block.numel():
            peak = max(peak, float(block.abs().max()))
    return peak


def _write(files: Sequence[Path], spec: EncodingSpec, frames: int | None, stem_blocks: Iterable[Tensor]) -> None:
    """Write the stems; all files are closed before the first gets its name."""
    with ExitStack() as names, ExitStack() as encoders:
        partials = [names.enter_context(replacing(path)) for path in files]
        targets = zip(partials, files, strict=True)
        appends = [encoders.enter_context(open_encoder(partial, path, spec, frames)) for partial, path in targets]
        for stems in stem_blocks:
            for append, stem in zip(appends, stems, strict=True):
                append(stem)


def _write_rescaled(
    files: Sequence[Path], spec: EncodingSpec, frames: int | None, stem_blocks: Iterable[Tensor], levels: _Levels
) -> float:
    """Write float files, then the rescaled stems; return the gain.

    The loudest sample may be the last one.
    """
    folder = files[0].parent
    with (
        TemporaryDirectory(prefix=f".rescaling.{os.getpid()}.", suffix=".part", dir=folder) as temporary,
        locked(Path(temporary)),
    ):
        unscaled = [Path(temporary) / f"{number}.w64" for number in range(len(files))]
        _write(unscaled, replace(spec, subtype="FLOAT", tags={}, fingerprint="", model=""), frames, stem_blocks)
        gain = RESCALED_PEAK / max(levels.peak, RESCALED_PEAK)
        readers = [blocks(path, READ_BLOCK) for path in unscaled]
        rescaled = (gain * torch.stack(stems) for stems in zip(*readers, strict=True))
        _write(files, spec, levels.frames, rescaled)
    return gain
