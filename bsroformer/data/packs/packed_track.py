"""A packed track: one array of its stems, and an index.

::

    <pack>/train/<song>/stems.npy     (n t c), int16 where the files are 16 bit, else float32; a plain NumPy file
                        levels.npy    energy and peak by block, of each stem, (2 n blocks), float32
                        index.json    names, rate, length, and the digests of the files it was built from
"""

import json
import mmap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter
from torch import Tensor

from bsroformer.data.layouts import UNKNOWN, TrackFiles, TrackFormat
from bsroformer.data.levels import Levels
from bsroformer.data.packs.source_file import SourceFile
from bsroformer.data.packs.spare_files import SpareFiles, rebuild
from bsroformer.errors import InputError
from bsroformer.safe_files import RECORDS, parse_json, read_text

FORMAT = 1
"""Version of packs; raise it when old ones cannot be read any more."""
INDEX = "index.json"
STEMS = "stems.npy"
LEVELS = "levels.npy"
INT16_SCALE = np.float32(2**-15)
MAX_OPEN_MAPS = 256
"""Memory maps of a process: each holds a file descriptor, and systems allow 1,024."""
Positive = Annotated[int, Field(gt=0, lt=2**48, strict=True)]
EXACT = "exact"
"""Precision of a pack whose int16 holds what its files hold, for any requested precision."""


@dataclass(frozen=True)
class Index:
    """Description of a packed track, with the keys of ``index.json``.

    Attributes:
        name: The track's name.
        stems: Names of the stems, in the order of the array.
        sample_rate: Hz.
        channels: Channels of each stem.
        frames: Samples per channel.
        block: Samples per channel in a block of the levels.
        precision: ``exact``, or the requested precision: ``auto`` or ``int16``.
        mended: Repairs that were made when it was packed.
        sources: The files it was built from, by stem, and those added to them by their names; a stem without one is
            silent.
    """

    name: str
    stems: tuple[str, ...]
    sample_rate: Positive
    channels: Positive
    frames: Positive
    block: Positive
    precision: str
    mended: tuple[str, ...]
    sources: dict[str, SourceFile]

    def __post_init__(self) -> None:
        """Check that the numbers make sense together.

        Raises:
            ValueError: If they do not.
        """
        if not self.stems or len(set(self.stems)) < len(self.stems):
            raise ValueError("stems must have different names")
        added = [name for source in self.sources.values() for name in source.plus]
        if not set(self.sources) <= {*self.stems, *added}:
            raise ValueError("sources must be of its stems")

    def to_json(self) -> str:
        """Write it as text, in ASCII: the name of a file may not be valid Unicode."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Index":
        """Read it from text.

        Raises:
            InputError, ValueError: If it is not an index of this format.
        """
        tree = parse_json(text, INDEX)
        if not isinstance(tree, dict) or tree.pop("format", None) != FORMAT:
            raise ValueError("another format")
        return _INDEX.validate_python(tree)


_INDEX = TypeAdapter(Index)
"""Validator of an index, which may come from another machine."""


@dataclass(frozen=True)
class PackedTrack:
    """A track that is read from its pack, where an excerpt costs a copy.

    Attributes:
        folder: Its folder.
        index: Its description.
        levels: Levels of each of ``stems``.
        stems: The requested stems, in the requested order, and `UNKNOWN` if the others are known as a sum.
        spare: The track's files, which are read where the pack is damaged; None if they are elsewhere.
        weight: How often a second of it is drawn, relative to others.
    """

    folder: Path
    index: Index
    levels: Levels
    stems: tuple[str, ...]
    spare: SpareFiles | None = field(default=None, repr=False, compare=False)
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The track's name."""
        return self.index.name

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return self.index.frames

    def stem(self, stem: str, start: int = 0, frames: int | None = None) -> Tensor:
        """Read one stem: audio (c t) in float32, shortened by the track's end."""
        return self._read([stem], start, frames)[0]

    def all_stems(self, start: int = 0, frames: int | None = None) -> Tensor:
        """Read every stem (n c t)."""
        return self._read(self.stems, start, frames)

    def _read(self, stems: Sequence[str], start: int, frames: int | None) -> Tensor:
        """Read stems (n c t) from the pack, or from the files if it is damaged.

        Raises:
            InputError: It is damaged, and the files do not replace it.
        """
        end = self.frames if frames is None else min(start + frames, self.frames)
        try:
            return self._copy(stems, start, max(start, end))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            damage = f"The pack {self.folder} was removed or is damaged ({reason})"
            if self.spare is None:
                raise InputError(f"{damage}; {rebuild()}") from error
            return self.spare.read(stems, start, end - start, damage)

    def _copy(self, stems: Sequence[str], start: int, end: int) -> Tensor:
        """Copy stems into a new tensor (n c t), with the strides of the file.

        Raises:
            OSError, ValueError: The pack was removed, or is damaged.
        """
        array = mapped(self.folder / STEMS)  # (n t c)
        audio = np.empty((len(stems), end - start, array.shape[2]), np.float32)
        numbers = [self.index.stems.index(stem) for stem in stems]
        for number in numbers:
            _read_ahead(array, number, start, end)
        for copy, number in zip(audio, numbers, strict=True):
            copy[:] = array[number, start:end]  # reads the pages
        if array.dtype == np.int16:
            audio *= INT16_SCALE
        elif not np.isfinite(audio).all():
            raise ValueError("it holds NaN or infinity")
        return torch.from_numpy(audio).transpose(1, 2)


@lru_cache(maxsize=MAX_OPEN_MAPS)
def mapped(path: Path) -> "np.memmap[Any, Any]":
    """Map the array of a file, whose pages are read on access."""
    array: np.memmap[Any, Any] = np.load(path, mmap_mode="r")
    return array


def _read_ahead(array: "np.memmap[Any, Any]", stem: int, start: int, end: int) -> None:
    """Let the system read a part of the file in one go.

    Otherwise it reads the neighbours of each page.

    On a disk that is four times as fast; for a part in memory the cost is too small to measure.
    """
    if end <= start or not hasattr(mmap, "MADV_WILLNEED") or not isinstance(array.base, mmap.mmap):
        return
    offset = array.offset + stem * array.strides[0]
    begin = offset + start * array.strides[1]
    until = offset + end * array.strides[1]
    page = begin - begin % mmap.PAGESIZE
    array.base.madvise(mmap.MADV_WILLNEED, page, until - page)


def read_index(folder: Path) -> Index | None:
    """Read the index of a packed track.

    It is None if the index is missing, damaged or of another version.
    """
    try:
        return Index.from_json(read_text(folder / INDEX, RECORDS))
    except (InputError, ValueError):
        return None


def _checked_energy(folder: Path, index: Index) -> NDArray[np.float32]:
    """Check both arrays of a pack against its index.

    The samples are checked by their header alone.

    Returns:
        Energy of each stem and block, (n blocks).

    Raises:
        InputError: If one is damaged.
    """
    stems = len(index.stems)
    blocks = -(-index.frames // index.block)
    try:
        _check_header(folder / STEMS, ("<i2", "<f4"), (stems, index.frames, index.channels))
        _check_header(folder / LEVELS, ("<f4",), (2, stems, blocks))
        energy: NDArray[np.float32] = np.load(folder / LEVELS)[0]
        if not (np.isfinite(energy).all() and (energy >= 0).all()):
            raise ValueError("its levels must be numbers of 0 or more")
    except (OSError, ValueError) as error:
        raise InputError(f"The pack {folder} is damaged ({error}); remove it and prepare again.") from error
    return energy


def _check_header(path: Path, types: tuple[str, ...], shape: tuple[int, ...]) -> None:
    """Check type, shape and size of an array without reading it.

    Raises:
        ValueError: If they differ, or it is not an array.
    """
    with path.open("rb") as file:
        try:
            npy.read_magic(file)
            found, fortran_order, dtype = npy.read_array_header_1_0(file)
        except Exception as error:  # NumPy parses the header as Python, whose errors have many types
            raise ValueError(f"{path.name} is not an array") from error
        size = path.stat().st_size - file.tell()
    same_shape = found == shape and not fortran_order
    if not same_shape or dtype.str not in types or size != prod(shape) * dtype.itemsize:
        raise ValueError(f"{path.name} has another type, shape or size than {INDEX} says")


def open_pack(folder: Path, index: Index, stems: Sequence[str], files: TrackFiles | None = None) -> PackedTrack:
    """Open a packed track with some or all of its stems.

    Args:
        folder: Its folder.
        index: Its description.
        stems: The requested stems.
        files: The track's files, if they are known.

    Raises:
        InputError: Its files are damaged.
    """
    energy = _checked_energy(folder, index)
    numbers = [index.stems.index(stem) for stem in stems]
    levels = Levels(index.block, energy[numbers], index.channels)
    known = tuple(stem for stem in stems if stem != UNKNOWN)
    form = TrackFormat(known, index.sample_rate, index.channels)
    spare = None if files is None else SpareFiles(files, form)
    weight = 1.0 if files is None else files.weight
    return PackedTrack(folder, index, levels, tuple(stems), spare, weight)
