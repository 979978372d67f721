"""Decode one track into its pack."""

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
from bsroformer.data.track import combined
from bsroformer.errors import InputError

# Codecs whose samples int16 holds exactly, as libsndfile and FFmpeg call them.
INT16_CODECS = frozenset({"PCM_16", "PCM_S8", "PCM_U8", "ALAC_16", "pcm_s16le", "pcm_s16be", "pcm_u8", "pcm_s8"})
READ_FRAMES = 2**16
"""Samples per channel read at a time."""
WRITE_BLOCKS = 64
"""Blocks of levels decoded and written at a time: 6.4 s."""


@dataclass(frozen=True)
class PackJob:
    """A track to pack.

    Attributes:
        song: Its files.
        sources: Audio stream of each stem; a stem without one is silent.
        form: Format of the pack.
        frames: Samples per channel in the pack.
        int16: Write samples as int16, rounded if they are finer.
        precision: ``exact`` if int16 holds all that the files hold, otherwise the requested precision.
        repairs: Repairs that are made: ``rate``, ``channels``, ``length``, ``missing``.
        folder: Folder for the pack of the track.
    """

    song: TrackFiles
    sources: dict[str, AudioInfo]
    form: TrackFormat
    frames: int
    int16: bool
    precision: str
    repairs: tuple[str, ...]
    folder: Path

    @property
    def stems(self) -> tuple[str, ...]:
        """Stems of the pack: all, or those of a clip or of further material."""
        return tuple(self.song.pack_stems(self.form.stems))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples in the array."""
        return np.dtype("<i2" if self.int16 else "<f4")

    @property
    def bytes(self) -> int:
        """Size of the array."""
        return len(self.stems) * self.frames * self.form.channels * self.dtype.itemsize

    @property
    def seconds(self) -> float:
        """Length of the track."""
        return self.frames / self.form.sample_rate


@dataclass(frozen=True)
class PackResult:
    """Result of packing a track.

    Attributes:
        name: Name of the track.
        seconds: Its length.
        error: Reason why it could not be packed.
        remarks: Warnings of the decoders.
    """

    name: str
    seconds: float
    error: str | None
    remarks: tuple[str, ...]


class ExceedsInt16Error(Exception):
    """Samples beyond full scale, which int16 would clip."""


def pack_track(job: PackJob) -> PackResult:
    """Decode a track and write its pack, which is complete or does not exist."""
    error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _write_pack_unclipped(job)
        except InputError as fault:
            error = str(fault)
    remarks = tuple(str(warning.message) for warning in caught if warning.category is UserWarning)  # of decoders
    return PackResult(job.song.name, job.seconds, error, remarks)


def _write_pack_unclipped(job: PackJob) -> None:
    try:
        write_pack(job)
    except ExceedsInt16Error:
        write_pack(replace(job, int16=False))


def write_pack(job: PackJob) -> None:
    """Write array, levels and index.

    Raises:
        InputError: A file cannot be read, or the pack not be written.
        ExceedsInt16Error: If it would clip.
    """
    block = round(BLOCK_SECONDS * job.form.sample_rate)
    described = index(job, block)  # first: a file that changes meanwhile makes the pack stale
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
            (folder / INDEX).write_text(described.to_json(), "utf-8")


def write_stem(job: PackJob, stem: str, block: int, file: BinaryIO) -> NDArray[np.float32]:
    """Append a stem to the array's file; returns its levels (2 blocks)."""
    levels = []
    for audio in stem_chunks(job, stem, WRITE_BLOCKS * block):
        samples = to_int16(audio) if job.int16 else audio
        with writing(job.folder):
            file.write(samples.tobytes())
        levels.append(block_levels(audio, block))
    with writing(job.folder):
        file.flush()
    return np.concatenate(levels, axis=1)


def stem_chunks(job: PackJob, stem: str, size: int) -> Iterator[NDArray[np.float32]]:
    """Yield a stem in the format of the pack, in chunks (size c).

    It is padded with silence to the length of the pack.
    """
    missing = job.frames
    for audio in regroup(_stem_blocks(job, stem), size):
        if missing == 0:
            return
        yield np.ascontiguousarray(audio[:, :missing].T.numpy())
        missing -= min(missing, audio.shape[1])


def _stem_blocks(job: PackJob, stem: str) -> Iterator[Tensor]:
    """Yield the blocks (c t) of a stem.

    Those of a sum, or of a mixture minus stems, are computed from the blocks of each.
    """
    file = job.song.stems[stem] if stem in job.sources else None
    if file is None or not (file.plus or file.minus):
        yield from _decoded_blocks(job, stem)
        return
    terms = [_decoded_blocks(job, name) for name in (stem, *file.plus)]
    terms += [_stem_blocks(job, name) for name in file.minus]
    streams = [regroup(blocks_of_term, READ_FRAMES) for blocks_of_term in terms]
    first_subtracted = len(file.plus)
    for audio, *others in zip(*streams, strict=False):
        yield combined(audio, others[:first_subtracted], others[first_subtracted:])


def _decoded_blocks(job: PackJob, stem: str) -> Iterator[Tensor]:
    """Yield the decoder's blocks (c t), converted, and silence after them."""
    form = job.form
    left = job.frames
    if stem in job.sources:
        info = job.sources[stem]
        decoded = blocks(info.path, READ_FRAMES, info.stream)
        for block in resample_blocks(decoded, info.sample_rate, form.sample_rate):
            yield to_channels(block, form.channels, info.layout)
            left -= block.shape[1]
    while left > 0:
        yield torch.zeros(form.channels, min(left, READ_FRAMES))
        left -= READ_FRAMES


def to_int16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round samples in [-1, 1) to int16.

    Raises:
        ExceedsInt16Error: Some are beyond.
    """
    samples = np.rint(audio / INT16_SCALE)
    if samples.min() < -(2**15) or samples.max() >= 2**15:
        raise ExceedsInt16Error
    return samples.astype("<i2")


def index(job: PackJob, block: int) -> Index:
    """Describe the pack of a track, with the digests of its files."""
    read = [stem for stem in job.stems if stem in job.sources]
    files = {name: job.song.stems[name] for name in (*read, *job.song.parts(read))}
    digest_of = cache(digest)
    sources = {}
    for stem, file in files.items():
        source = source_file(file.path, file.stream, digest_of(file.path))
        sources[stem] = replace(source, minus=file.minus, plus=file.plus)
    return Index(
        name=job.song.name,
        stems=job.stems,
        sample_rate=job.form.sample_rate,
        channels=job.form.channels,
        frames=job.frames,
        block=block,
        precision=job.precision,
        mended=job.repairs,
        sources=sources,
    )
