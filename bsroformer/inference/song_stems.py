"""Stems of a file, block by block, with the file's sample rate and channels."""

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.audio.convert import resample_blocks, to_channels
from bsroformer.audio.files import blocks, probe
from bsroformer.errors import InputError
from bsroformer.inference.prefetch import prefetch
from bsroformer.inference.stream_separator import StreamSeparator

READ_BLOCK = 2**16
"""Samples per channel that are read at a time."""


class SongStems:
    """Stems of a file at its own sample rate.

    Reading, computing and the caller's work overlap.

    A mono file has mono stems: it is duplicated for a stereo model, and the stems are averaged. Otherwise the stems
    have the model's channels, and the mixture is the file's audio converted to them (`bsroformer.audio.convert`).

    Args:
        separator: The separator.
        path: The file.
        rest: Name of an additional last stem, the mixture minus all others; None for no such stem.
        downmix: Accept surround sound and separate its downmix.
        settle: Function of each stem's number and samples ``(c t)``, whose result replaces them before the rest is
            computed, and of the rest's, so that the rest makes up for rounding.
        stream: Index among the file's audio streams; None: the first, with a warning if there are several.

    Attributes:
        info: Description of the file's audio stream.
        names: Names of the stems in the order of the output.
        sample_rate: Sample rate of file and stems in Hz.
        channels: Number of channels of the stems.

    Raises:
        InputError: If the file cannot be read, or has more than two channels without `downmix`.
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
        self.separator = separator
        self.path = Path(path)
        self.info = probe(path, stream or 0)
        if stream is None and self.info.streams > 1:
            warnings.warn(
                f"{path} has {self.info.streams} audio streams, and the first is separated; "
                f"audio_stream=1 to {self.info.streams - 1} chooses another, and 0 the first without this warning.",
                stacklevel=2,
            )
        if self.info.channels > 2 and not downmix:
            raise InputError(
                f"{path} has {self.info.channels} channels, and separation takes mono or stereo; mix it down, "
                "or set downmix=true for surround sound"
            )
        stems = {stem.casefold() for stem in separator.stems}
        if rest is not None and rest.casefold() in stems:
            raise InputError(f"the model has a stem {rest} of its own, so the rest of {path} needs another name")
        self.rest = rest
        self.settle = settle
        self.names = separator.stems if rest is None else (*separator.stems, rest)
        self.sample_rate = self.info.sample_rate
        self.channels = 1 if self.info.channels == 1 else separator.channels

    def __iter__(self) -> Generator[Tensor]:
        """Yield blocks of the stems ``(n c t)``, in total as many samples as the file has.

        Raises:
            InputError: If a part of the file cannot be read, when it is reached.
        """
        return prefetch(self._stems())

    def _stems(self) -> Iterator[Tensor]:
        mixture = _Mixture(self)
        model_rate = self.separator.sample_rate
        with closing(mixture.for_model()) as blocks_for_model:
            separated = self.separator.stream(resample_blocks(blocks_for_model, self.sample_rate, model_rate))
            for block in resample_blocks(separated, model_rate, self.sample_rate):
                found = to_channels(block[..., : mixture.waiting], self.channels)
                original = mixture.take(found.shape[-1])
                stems = [self.settle(number, stem) for number, stem in enumerate(found)]
                if self.rest is not None:
                    rest = original - torch.stack(stems).sum(dim=0)
                    stems.append(self.settle(len(stems), rest))
                if found.shape[-1]:
                    yield torch.stack(stems)


class _Mixture:
    """The file's samples, kept until their stems are separated."""

    def __init__(self, song: SongStems) -> None:
        self.song = song
        self.held: list[Tensor] = []

    @property
    def waiting(self) -> int:
        """Samples that are read but not yet separated."""
        return sum(block.shape[-1] for block in self.held)

    def for_model(self) -> Generator[Tensor]:
        """Yield blocks ``(c t)`` with the model's channels."""
        for block in prefetch(blocks(self.song.path, READ_BLOCK, self.song.info.stream)):
            self.held.append(to_channels(block, self.song.channels, self.song.info.layout))
            yield to_channels(self.held[-1], self.song.separator.channels)

    def take(self, count: int) -> Tensor:
        """Return the next samples ``(c t)`` and drop them."""
        joined = torch.cat(self.held, dim=-1)
        self.held = [joined[..., count:]]
        return joined[..., :count]
