"""Previews of a song while it is separated, in short segments.

============= ==================================================================================================
00007.2.flac  segment 7 of track 2: 16 bits, samples divided by `HEADROOM`
00007.webp    its spectrograms, each `PICTURE_ROWS` pixels high, one track below the other
00007.peaks   its waveforms: int8 (track slice 2), minimum and maximum of each slice; 127 is full scale
============= ==================================================================================================
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from bsroformer.audio.files import write
from bsroformer.figures.spectrogram import band_power
from bsroformer.inference import StreamSeparator

SEGMENT_SECONDS = 5.0
SLICES = 200
"""Of a segment's waveform."""
HEADROOM = 2.0
"""Segments are quieter by this factor: stems may exceed full scale, which 16 bits cannot hold."""
PICTURE_ROWS = 96
PICTURE_COLUMNS = 160
"""Pixels of one track's spectrogram in a whole segment."""
LOUDEST_DB = 45.0
"""Power of a band that is shown brightest, relative to one sample at full scale. It does not depend on the song,
whose loudest moment is unknown while its first one is shown."""
RANGE_DB = 75.0


@dataclass
class Preview:
    """How much of a song can be heard.

    Attributes:
        sample_rate: Of the segments, in Hz.
        size: Samples of a segment; the last one may have fewer.
        segments: Number of segments so far.
        frames: Samples in them.
    """

    sample_rate: int
    size: int
    segments: int = 0
    frames: int = 0

    @property
    def seconds(self) -> float:
        """Length of the segments together."""
        return min(self.segments * self.size, self.frames) / self.sample_rate


class PreviewRecorder(StreamSeparator):
    """Separates like another separator, and writes segments of all tracks.

    Track 0 is the mixture. Then come the stems and, if wanted, the rest: the mixture minus the stems.

    Args:
        separator: The separator.
        folder: Folder of the segments, created if missing.
        rest: Whether to write segments of the rest.

    Attributes:
        tracks: Number of tracks.
        preview: How much can be heard so far.

    Raises:
        InputError: From `stream`, if a segment cannot be written.
    """

    def __init__(self, separator: StreamSeparator, folder: Path, rest: bool = False) -> None:
        self.separator = separator
        self.folder = folder
        self.rest = rest
        self.stems = separator.stems
        self.sample_rate = separator.sample_rate
        self.channels = separator.channels
        self.tracks = 1 + len(self.stems) + int(rest)
        slice_size = max(1, round(SEGMENT_SECONDS * self.sample_rate / SLICES))
        self.preview = Preview(self.sample_rate, SLICES * slice_size)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def model_digest(self) -> str:
        """See `StreamSeparator`."""
        return self.separator.model_digest

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate blocks of a mixture ``(c t)``, see `StreamSeparator.stream`."""
        delayed: list[Tensor] = []
        size = self.preview.size
        held = torch.zeros(self.tracks, self.channels, 0)
        for stems in self.separator.stream(_recorded(mixture, delayed)):
            tracks = self._tracks(_take(delayed, stems.shape[-1]), stems)
            held = torch.cat([held, tracks], dim=-1)
            while held.shape[-1] >= size:
                self._write(held[..., :size])
                held = held[..., size:]
            yield stems
        if held.shape[-1]:
            self._write(held)

    def _tracks(self, mixture: Tensor, stems: Tensor) -> Tensor:
        """Stack a mixture ``(c t)`` and its stems ``(n c t)`` to tracks ``(track c t)``."""
        tracks = [mixture[None], stems]
        if self.rest:
            tracks.append((mixture - stems.sum(dim=0))[None])
        return torch.cat(tracks)

    def _write(self, tracks: Tensor) -> None:
        """Write a segment ``(track c t)``, and count it once its files are complete."""
        name = f"{self.preview.segments:05}"
        for number, track in enumerate(tracks):
            write(self.folder / f"{name}.{number}.flac", track / HEADROOM, self.sample_rate, "PCM_16")
        share = tracks.shape[-1] / self.preview.size
        slices = max(1, round(SLICES * share))
        (self.folder / f"{name}.peaks").write_bytes(peaks(tracks, slices))
        (self.folder / f"{name}.webp").write_bytes(spectrograms(tracks, self.sample_rate, share))
        self.preview.frames += tracks.shape[-1]
        self.preview.segments += 1


def _recorded(blocks: Iterable[Tensor], copies: list[Tensor]) -> Generator[Tensor]:
    """Yield blocks, and append each to a list first."""
    for block in blocks:
        copies.append(block.cpu())
        yield block


def _take(blocks: list[Tensor], count: int) -> Tensor:
    """Remove the first samples ``(c t)`` from a list of blocks, and return them."""
    joined = torch.cat(blocks, dim=-1)
    blocks[:] = [joined[..., count:]]
    return joined[..., :count]


def peaks(tracks: Tensor, slices: int) -> bytes:
    """Compute the lowest and highest sample of any channel in each slice.

    Args:
        tracks: Samples ``(track c t)``; 1 is full scale, and samples beyond it are clipped.
        slices: Number of slices, or as many as there are samples if that is less.

    Returns:
        int8 ``(track slice 2)``; 127 is full scale.
    """
    slices = min(slices, tracks.shape[-1])
    lowest = -F.adaptive_max_pool1d(-tracks.amin(dim=1), slices)
    highest = F.adaptive_max_pool1d(tracks.amax(dim=1), slices)
    clipped = torch.stack([lowest, highest], dim=-1).clamp(-1, 1)
    return (127 * clipped).round().to(torch.int8).numpy().tobytes()


def spectrograms(tracks: Tensor, sample_rate: int, share: float = 1.0) -> bytes:
    """Draw the spectrograms of all tracks, one below the other.

    Args:
        tracks: Samples ``(track c t)``.
        sample_rate: In Hz.
        share: Their share of a whole segment, and so of the picture's full width.

    Returns:
        A WebP picture of ``track * PICTURE_ROWS`` by at most `PICTURE_COLUMNS` pixels.
    """
    from matplotlib import colormaps
    from PIL import Image

    columns = max(1, round(PICTURE_COLUMNS * share))
    pictures = [_brightness(track, sample_rate, columns).flip(0) for track in tracks]
    brightness = torch.cat(pictures).numpy()  # (track row) column
    colours = colormaps["magma"](brightness, bytes=True)[..., :3]
    file = BytesIO()
    Image.fromarray(colours).save(file, format="webp", quality=80)
    return file.getvalue()


def _brightness(track: Tensor, sample_rate: int, columns: int) -> Tensor:
    """Brightness ``(row column)`` in [0, 1] of samples ``(c t)``, bass first."""
    power = band_power(track, sample_rate, hop=max(1, track.shape[-1] // columns))
    pooled = F.adaptive_avg_pool2d(power[None], (PICTURE_ROWS, columns))[0]
    decibels = 10 * torch.log10(pooled.clamp(min=1e-12))
    return ((decibels - LOUDEST_DB) / RANGE_DB + 1).clamp(0, 1)
