"""What can be heard and seen of a song while it is being separated, in short segments.

============= ==================================================================================================
00007.2.flac  segment 7 of track 2: 16 bits, the samples divided by `HEADROOM`
00007.webp    its spectrograms, `ROWS` pixels high each, one track below the other
00007.peaks   its waveforms: int8 (track slice 2), minimum and maximum of each slice, 127 being full scale
============= ==================================================================================================
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bsroformer.audio.files import write
from bsroformer.inference import StreamSeparator
from bsroformer.studio.pictures import peaks, spectrograms

SECONDS = 5.0
"""Of a segment, about."""
SLICES = 200
"""Of a segment's waveform."""
HEADROOM = 2.0
"""Stems may be louder than full scale, which 16 bits cannot hold: segments are that much quieter."""


@dataclass
class Heard:
    """How much can be heard.

    Attributes:
        sample_rate: Of the segments, Hz.
        size: Samples in a segment; the last one may have fewer.
        segments: How many there are so far.
        frames: Samples in them.
    """

    sample_rate: int
    size: int
    segments: int = 0
    frames: int = 0

    @property
    def seconds(self) -> float:
        """Length of what can be heard."""
        return min(self.segments * self.size, self.frames) / self.sample_rate


class Listening(StreamSeparator):
    """Passes on what a separator does, and keeps segments of the mixture and of each stem.

    Track 0 is the mixture, then come the stems and, if it is wanted, what they leave of the mixture.

    Args:
        separator: What separates.
        folder: Where the segments go; it is made.
        rest: Whether to keep segments of the rest too.

    Attributes:
        tracks: How many there are.
        heard: How much can be heard so far.

    Raises:
        InputError: From `stream`, if a segment cannot be written.
    """

    def __init__(self, separator: StreamSeparator, folder: Path, rest: bool = False) -> None:
        self.separator, self.folder, self.rest = separator, folder, rest
        self.stems, self.sample_rate, self.channels = separator.stems, separator.sample_rate, separator.channels
        self.tracks = 1 + len(self.stems) + rest
        self.heard = Heard(self.sample_rate, SLICES * max(1, round(SECONDS * self.sample_rate / SLICES)))
        folder.mkdir(parents=True, exist_ok=True)

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture ``(c t)``, block by block, into stems ``(n c t)``: see `StreamSeparator.stream`."""
        waiting: list[Tensor] = []
        held, size = torch.zeros(self.tracks, self.channels, 0), self.heard.size
        for stems in self.separator.stream(_kept(mixture, waiting)):
            held = torch.cat([held, self._tracks(_taken(waiting, stems.shape[-1]), stems)], dim=-1)
            while held.shape[-1] >= size:
                self._keep(held[..., :size])
                held = held[..., size:]
            yield stems
        if held.shape[-1]:
            self._keep(held)

    def _tracks(self, mixture: Tensor, stems: Tensor) -> Tensor:
        """All tracks ``(track c t)`` of a mixture ``(c t)`` and its stems ``(n c t)``."""
        rest = [(mixture - stems.sum(dim=0))[None]] if self.rest else []
        return torch.cat([mixture[None], stems, *rest])

    def _keep(self, tracks: Tensor) -> None:
        """Write a segment ``(track c t)``; it counts once all of its files are there."""
        name = f"{self.heard.segments:05}"
        for number, track in enumerate(tracks):
            write(self.folder / f"{name}.{number}.flac", track / HEADROOM, self.sample_rate, "PCM_16")
        share = tracks.shape[-1] / self.heard.size
        (self.folder / f"{name}.peaks").write_bytes(peaks(tracks, max(1, round(SLICES * share))))
        (self.folder / f"{name}.webp").write_bytes(spectrograms(tracks, self.sample_rate, share))
        self.heard.frames += tracks.shape[-1]
        self.heard.segments += 1


def _kept(blocks: Iterable[Tensor], waiting: list[Tensor]) -> Generator[Tensor]:
    """Pass blocks on, and keep them until they are taken."""
    for block in blocks:
        waiting.append(block.cpu())
        yield block


def _taken(waiting: list[Tensor], count: int) -> Tensor:
    """The next samples ``(c t)`` of those that wait, which they leave."""
    joined = torch.cat(waiting, dim=-1)
    waiting[:] = [joined[..., count:]]
    return joined[..., :count]
