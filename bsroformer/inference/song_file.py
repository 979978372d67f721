"""A file in, the files of its stems out."""

import glob
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from bsroformer.atomic import writing
from bsroformer.audio.encoders import Sound
from bsroformer.audio.files import block_writer, blocks
from bsroformer.audio.tags import read_tags
from bsroformer.inference.delivery import Delivery
from bsroformer.inference.song_stems import READ_BLOCK, SongStems
from bsroformer.inference.stream_separator import Progress, StreamSeparator, told

CEILING = 1 - 2**-15
"""The largest sample after rescaling: the largest that 16 bits hold."""
_ASIDE, _PART = ".rescaling.", ".part"


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
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SeparatedSong:
    """Separate a file of any length in constant memory; its stems get their names once all of them are complete.

    Args:
        separator: What separates.
        source: The file.
        folder: Where to write ``<stem>.<format>``. What an interrupted run left there is removed.
        delivery: In which form.
        rest: See `SongStems`.
        downmix: See `SongStems`.
        progress: Called after each piece that is written.
        cancelled: Asked after each piece that is written whether to stop.

    Raises:
        InputError: If the file cannot be read or the stems cannot be written.
        Cancelled: If it was; nothing is left in the folder that was not there.
    """
    begun = time.monotonic()
    delivery = delivery or Delivery()
    song = SongStems(separator, source, rest, downmix)
    files = [delivery.path(Path(folder), name) for name in song.names]
    sound = delivery.sound(song.info, song.channels, read_tags(song.path))
    expected = song.info.expected_frames
    write = _write_rescaled if delivery.rescale and delivery.clips(song.info.codec) else _write
    with _own_folder(Path(folder), files), closing(song.__iter__()) as stems:
        levels = write(files, sound, expected, told(stems, sound.sample_rate, expected, progress, cancelled))
    clipped = dict(zip(song.names, levels.beyond, strict=True)) if delivery.clips(song.info.codec) else {}
    return SeparatedSong(
        song.path,
        tuple(files),
        seconds=levels.frames / sound.sample_rate,
        seconds_taken=time.monotonic() - begun,
        clipped={name: count for name, count in clipped.items() if count},
        gain=levels.gain,
    )


@dataclass
class _Levels:
    """How loud stems are.

    Attributes:
        beyond: Samples beyond full scale, of each stem.
        peak: The largest magnitude of all.
        frames: Samples per channel.
        gain: By which they were scaled.
    """

    beyond: list[int]
    peak: float = 0.0
    frames: int = 0
    gain: float = 1.0

    def hear(self, stems: Tensor) -> None:
        """Count in a piece ``(n c t)``."""
        magnitudes = stems.abs().flatten(1)
        self.beyond = [old + new for old, new in zip(self.beyond, (magnitudes > 1).sum(dim=1).tolist(), strict=True)]
        self.peak = max(self.peak, float(magnitudes.max()))
        self.frames += stems.shape[-1]


def _write(files: Sequence[Path], sound: Sound, frames: int | None, pieces: Iterable[Tensor]) -> _Levels:
    levels = _Levels([0] * len(files))
    with ExitStack() as stack:
        appends = [stack.enter_context(block_writer(path, sound, frames)) for path in files]
        for piece in pieces:
            levels.hear(piece)
            for append, stem in zip(appends, piece, strict=True):
                append(stem)
    return levels


def _write_rescaled(files: Sequence[Path], sound: Sound, frames: int | None, pieces: Iterable[Tensor]) -> _Levels:
    """Write to float files aside first, since the last sample may be the loudest."""
    with TemporaryDirectory(prefix=_ASIDE, suffix=_PART, dir=files[0].parent) as aside:
        rough = [Path(aside) / f"{number}.w64" for number in range(len(files))]
        before = _write(rough, replace(sound, subtype="FLOAT", tags={}), frames, pieces)
        gain = min(1.0, CEILING / max(before.peak, CEILING))
        again = zip(*(blocks(path, READ_BLOCK) for path in rough), strict=True)
        after = _write(files, sound, before.frames, (gain * torch.stack(stems) for stems in again))
    return replace(after, gain=gain)


@contextmanager
def _own_folder(folder: Path, files: Sequence[Path]) -> Iterator[None]:
    """Make the folder of the stems and clear it of what a killed run left; without stems in the end, it goes again."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name in (_ASIDE, *(f".{path.name}." for path in files)):
        for left in folder.glob(f"{glob.escape(name)}*{_PART}"):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # works on an empty folder only
