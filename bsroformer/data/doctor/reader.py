"""Read a stem piece by piece, and keep what its decoder complains of."""

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bsroformer.audio.audio_info import AudioInfo
from bsroformer.audio.decoders import open_decoder
from bsroformer.audio.files import regroup
from bsroformer.data.doctor.meter import Meter, hop_of
from bsroformer.data.layouts import StemFile
from bsroformer.errors import InputError

HOPS = 64  # of a piece: 1.3 s, half a megabyte of stereo, which stays in a core's cache


class StemReader:
    """Reads and measures one stem.

    Unlike `bsroformer.audio.files.blocks` it reads on past samples that are not finite, to count them.

    Args:
        file: Where the stem is.

    Raises:
        InputError: It cannot be opened, or has no such stream.
    """

    def __init__(self, file: StemFile) -> None:
        self._path = file.path
        self._decoder = open_decoder(file.path)
        infos = self._decoder.infos
        if file.stream >= len(infos):
            self._decoder.close()
            raise InputError(f"{file.path} has {len(infos)} audio stream(s), so none with the number {file.stream}")
        self.info: AudioInfo = infos[file.stream]
        self.meter = Meter(self.info.sample_rate, self.info.channels)
        self.error: str | None = None
        """Why it could not be read to its end."""
        self.damage: str | None = None
        """What the decoder said of it."""
        size = HOPS * hop_of(self.info.sample_rate)
        self._pieces: Iterator[Tensor] = regroup(_some(self._decoder.decode(file.stream, 0), self.info), size)

    def next(self) -> NDArray[np.float32] | None:
        """The next piece (c t), measured; None at the end."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                piece = next(self._pieces, None)
            except (InputError, OSError) as error:
                piece, self.error = None, brief(str(error), self.info)
        for warning in told:
            self.damage = brief(str(warning.message), self.info)
        if piece is None:
            return None
        audio = np.ascontiguousarray(piece.numpy())
        self.meter.add(audio)
        return audio

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()


def _some(blocks: Iterator[Tensor], info: AudioInfo) -> Iterator[Tensor]:
    """Blocks that are there.

    Raises:
        InputError: There are none.
    """
    empty = True
    for block in blocks:
        empty = False
        yield block
    if empty:
        raise InputError(f"{info.path} holds no samples")


def brief(sentence: str, info: AudioInfo) -> str:
    """A sentence on a file as a phrase, with its name for its path."""
    return sentence.replace(str(info.path), info.path.name).partition("; copy or download")[0].rstrip(".")
