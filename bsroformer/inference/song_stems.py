"""The stems of a file, block by block, as the file has its samples."""

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.audio.convert import resample_blocks, to_channels
from bsroformer.audio.files import blocks, probe
from bsroformer.errors import InputError
from bsroformer.inference.background import ahead
from bsroformer.inference.stream_separator import StreamSeparator

READ_BLOCK = 2**16
"""Samples that are read at a time."""


class SongStems:
    """The stems of a file, at the file's own rate; reading, computing and the caller's work overlap.

    A mono file has mono stems: it is duplicated for a model of stereo, and the stems are averaged. Otherwise the stems
    have the model's channels, and the mixture is the file's sound brought to them (`bsroformer.audio.convert`).

    Args:
        separator: What separates.
        path: The file.
        rest: Name of a last stem, the mixture minus all the others; there is none unless given.
        downmix: Accept surround sound and separate its downmix.
        settle: Called with each stem's number and samples ``(c t)`` before the rest is computed, and with the rest's;
            what it returns takes their place, so that the rest makes up for rounding.
        stream: Index among the file's audio streams; None: the first, with a warning where there are several.

    Attributes:
        info: What the file's header says.
        names: Of the stems, in the order of the output.
        sample_rate: Of the stems, Hz: the file's.
        channels: Of the stems.

    Raises:
        InputError: If the file cannot be read, or has more than two channels and `downmix` does not allow them.
    """

    def __init__(
        self,
        separator: StreamSeparator,
        path: str | Path,
        rest: str | None = None,
        downmix: bool = False,
        settle: Callable[[int, Tensor], Tensor] = lambda number, stem: stem,
        stream: int | None = None,
    ) -> None:
        self.separator, self.path, self.info = separator, Path(path), probe(path, stream or 0)
        if stream is None and self.info.streams > 1:
            warnings.warn(
                f"{path} has {self.info.streams} audio streams, and the first is separated; "
                f"audio_stream=1 to {self.info.streams - 1} chooses another, and 0 the first without this warning.",
                stacklevel=2,
            )
        if self.info.channels > 2 and not downmix:
            raise InputError(
                f"{path} has {self.info.channels} channels, and separation takes mono or stereo: mix it down, "
                "or set downmix=true for surround sound"
            )
        if rest is not None and rest.casefold() in {stem.casefold() for stem in separator.stems}:
            raise InputError(f"the model has a stem {rest} of its own, so the rest of {path} needs another name")
        self.rest, self.settle = rest, settle
        self.names = (*separator.stems, *([] if rest is None else [rest]))
        self.sample_rate = self.info.sample_rate
        self.channels = 1 if self.info.channels == 1 else separator.channels

    def __iter__(self) -> Generator[Tensor]:
        """Yield the stems ``(n c t)`` in pieces: in all as many samples as the file has.

        Raises:
            InputError: When a part of the file is reached that cannot be read.
        """
        return ahead(self._stems())

    def _stems(self) -> Iterator[Tensor]:
        mixture = _Mixture(self)
        rates = self.sample_rate, self.separator.sample_rate
        with closing(mixture.for_model()) as heard:
            separated = self.separator.stream(resample_blocks(heard, *rates))
            for piece in resample_blocks(separated, *reversed(rates)):
                found = to_channels(piece[..., : mixture.waiting], self.channels)
                original = mixture.take(found.shape[-1])
                stems = [self.settle(number, stem) for number, stem in enumerate(found)]
                if self.rest is not None:
                    stems.append(self.settle(len(stems), original - torch.stack(stems).sum(dim=0)))
                if found.shape[-1]:
                    yield torch.stack(stems)


class _Mixture:
    """The file's sound on its way to the model, kept until its stems are there."""

    def __init__(self, song: SongStems) -> None:
        self.song = song
        self.held: list[Tensor] = []

    @property
    def waiting(self) -> int:
        """Samples that were read, and whose stems are not there yet."""
        return sum(block.shape[-1] for block in self.held)

    def for_model(self) -> Generator[Tensor]:
        """Yield blocks ``(c t)`` with the model's channels."""
        for block in ahead(blocks(self.song.path, READ_BLOCK, self.song.info.stream)):
            self.held.append(to_channels(block, self.song.channels, self.song.info.layout))
            yield to_channels(self.held[-1], self.song.separator.channels)

    def take(self, count: int) -> Tensor:
        """The next samples ``(c t)``."""
        joined = torch.cat(self.held, dim=-1)
        self.held = [joined[..., count:]]
        return joined[..., :count]
