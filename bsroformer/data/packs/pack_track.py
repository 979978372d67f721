"""Decode one song into its pack."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from bsroformer.atomic import replacing_folder, writing
from bsroformer.audio.convert import resample_blocks, to_channels
from bsroformer.audio.files import AudioInfo, blocks, regroup
from bsroformer.data.layouts import TrackFiles, TrackFormat
from bsroformer.data.levels import BLOCK_SECONDS, block_levels
from bsroformer.data.packs.packed_track import INDEX, INT16_SCALE, LEVELS, STEMS, Index
from bsroformer.data.packs.source_file import digest, source_file
from bsroformer.errors import InputError

# Codecs whose samples int16 holds exactly, as libsndfile and FFmpeg call them.
INT16_CODECS = frozenset({"PCM_16", "PCM_S8", "PCM_U8", "ALAC_16", "pcm_s16le", "pcm_s16be", "pcm_u8", "pcm_s8"})
BLOCK = 2**16  # samples per channel read at a time
PIECE = 64  # blocks of levels decoded and written at a time: 6.4 s


@dataclass(frozen=True)
class PackJob:
    """A song to pack.

    Attributes:
        song: Its files.
        sources: The audio stream of each stem; a stem without one is silent.
        form: What the pack holds.
        frames: Samples per channel in the pack.
        int16: Whether samples are written as int16, rounded if they are finer.
        precision: ``exact`` if int16 holds all that the files hold, else what was asked for.
        mended: What is mended: ``rate``, ``channels``, ``length``, ``missing``.
        folder: Where the pack of the song belongs.
    """

    song: TrackFiles
    sources: dict[str, AudioInfo]
    form: TrackFormat
    frames: int
    int16: bool
    precision: str
    mended: tuple[str, ...]
    folder: Path

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that the pack will hold: all, or those that a clip or further material has."""
        return tuple(stem for stem in self.form.stems if stem in self.sources or self.song.whole)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples in the array."""
        return np.dtype("<i2" if self.int16 else "<f4")

    @property
    def bytes(self) -> int:
        """Size of the array."""
        return len(self.stems) * self.frames * self.form.channels * self.dtype.itemsize

    @property
    def seconds(self) -> float:
        """Length of the song."""
        return self.frames / self.form.sample_rate


@dataclass(frozen=True)
class Outcome:
    """How packing a song went.

    Attributes:
        name: The song's.
        seconds: Its length.
        error: Why it could not be packed.
        remarks: What was noticed.
    """

    name: str
    seconds: float
    error: str | None
    remarks: tuple[str, ...]


class ExceedsInt16Error(Exception):
    """Samples beyond full scale, which int16 would clip."""


def pack_track(job: PackJob) -> Outcome:
    """Decode a song and write its pack, whole or not at all."""
    error = None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            try:
                write_pack(job)
            except ExceedsInt16Error:
                write_pack(replace(job, int16=False))
        except InputError as caught:
            error = str(caught)
    remarks = tuple(str(each.message) for each in told if each.category is UserWarning)  # the decoders'
    return Outcome(job.song.name, job.seconds, error, remarks)


def write_pack(job: PackJob) -> None:
    """Write array, levels and index.

    Raises:
        InputError: A file cannot be read, or the pack not be written.
        ExceedsInt16Error: If it would clip.
    """
    block = round(BLOCK_SECONDS * job.form.sample_rate)
    about = index(job, block)  # first: a file that changes meanwhile makes the pack stale
    with replacing_folder(job.folder) as folder:
        with writing(job.folder):
            file = (folder / STEMS).open("wb")
        with file:
            shape = (len(job.stems), job.frames, job.form.channels)
            header = {"descr": job.dtype.str, "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(file, header)
            levels = [write_stem(job, stem, block, file) for stem in job.stems]
        with writing(job.folder):
            np.save(folder / LEVELS, np.stack(levels, axis=1))
            (folder / INDEX).write_text(about.to_json(), "utf-8")


def write_stem(job: PackJob, stem: str, block: int, file: BinaryIO) -> NDArray[np.float32]:
    """Append a stem to the array's file; returns its levels (2 blocks)."""
    levels = []
    for piece in stem_pieces(job, stem, PIECE * block):
        samples = to_int16(piece) if job.int16 else piece
        with writing(job.folder):
            file.write(samples.tobytes())
        levels.append(block_levels(piece, block))
    with writing(job.folder):
        file.flush()
    return np.concatenate(levels, axis=1)


def stem_pieces(job: PackJob, stem: str, size: int) -> Iterator[NDArray[np.float32]]:
    """A stem as it is wanted, in pieces (size c) that make up its length; silence where it has nothing."""
    missing = job.frames
    for piece in regroup(_stem_blocks(job, stem), size):
        if missing == 0:
            return
        yield np.ascontiguousarray(piece[:, :missing].T.numpy())
        missing -= min(missing, piece.shape[1])


def _stem_blocks(job: PackJob, stem: str) -> Iterator[Tensor]:
    """The blocks (c t) of a stem, those of the stems that it is the rest of subtracted."""
    minus = job.song.stems[stem].minus if stem in job.sources else ()
    if not minus:
        yield from _decoded_blocks(job, stem)
        return
    streams = [regroup(_decoded_blocks(job, each), BLOCK) for each in (stem, *minus)]
    for mixture, *others in zip(*streams, strict=False):
        length = min(block.shape[1] for block in (mixture, *others))
        yield torch.stack([mixture[:, :length], *(-other[:, :length] for other in others)]).sum(dim=0)


def _decoded_blocks(job: PackJob, stem: str) -> Iterator[Tensor]:
    """The decoder's blocks (c t), converted, and silence after them."""
    form, left = job.form, job.frames
    if stem in job.sources:
        info = job.sources[stem]
        decoded = blocks(info.path, BLOCK, info.stream)
        for block in resample_blocks(decoded, info.sample_rate, form.sample_rate):
            yield to_channels(block, form.channels, info.layout)
            left -= block.shape[1]
    while left > 0:
        yield torch.zeros(form.channels, min(left, BLOCK))
        left -= BLOCK


def to_int16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples in [-1, 1) as int16, rounded.

    Raises:
        ExceedsInt16Error: Some are beyond.
    """
    samples = np.rint(audio / INT16_SCALE)
    if samples.min() < -(2**15) or samples.max() >= 2**15:
        raise ExceedsInt16Error
    return samples.astype("<i2")


def index(job: PackJob, block: int) -> Index:
    """What is known of the song, its files' digests included."""
    files = {stem: job.song.stems[stem] for stem in job.stems if stem in job.sources}
    digest_of = cache(digest)
    sources = {stem: source_file(file.path, file.stream, digest_of(file.path)) for stem, file in files.items()}
    return Index(
        name=job.song.name,
        stems=job.stems,
        sample_rate=job.form.sample_rate,
        channels=job.form.channels,
        frames=job.frames,
        block=block,
        precision=job.precision,
        mended=job.mended,
        sources=sources,
    )
