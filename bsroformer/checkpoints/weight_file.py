"""Tensors from a file of unknown origin: no code of it runs, and its tensors take no more memory than it is long.

Two formats are read, both mapped into memory instead of copied: PyTorch's since 1.6 (a zip archive of a pickle and
one entry for each tensor) and safetensors.
"""

import ctypes
import mmap
import platform
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bsroformer.errors import InputError
from bsroformer.models.problems import shortened

LONGEST_PICKLE = 4 * 2**20
"""Bytes. One that lists ten thousand tensors takes 2 MB; a byte of a pickle may make an object of fifty."""
MOST_TENSORS = 20_000
"""The largest known model has 3,000; an empty one takes 60 bytes of a file and 60 microseconds."""
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1")
"""NumPy's names of plain numbers."""
SHARED = 2
"""How many times the length of a file its tensors may have together: a few small ones are stored once for several."""
MADV_DONTNEED = 4


def plain_dtype(name: str, *flags: bool) -> np.dtype[Any]:
    """What ``numpy.dtype`` gives for plain numbers, and an error for all else, such as a gigabyte of bytes."""
    if name not in NUMBERS:
        raise ValueError(f"numpy.dtype({name!r:.20})")
    return np.dtype(name, *flags)


# Trainers keep scores as NumPy's numbers; the function that makes them has been in modules of two names.
_MAKE_NUMBER = np.float64(0).__reduce__()[0]
PLAIN_NUMBERS: list[Any] = [
    (_MAKE_NUMBER, "numpy.core.multiarray.scalar"),
    (_MAKE_NUMBER, "numpy._core.multiarray.scalar"),
    (plain_dtype, "numpy.dtype"),
    *(type(np.dtype(name)) for name in NUMBERS),
]


@dataclass(frozen=True)
class WeightFile:
    """What a file holds.

    Attributes:
        path: Where it lies.
        entries: Tensors and plain values by name, maybe nested.
        metadata: Text beside the tensors; in safetensors only.
        sizes: Bytes of each entry of a PyTorch archive; every tensor must fill one. None where the reader checks that.
    """

    path: Path
    entries: dict[str, Any]
    metadata: dict[str, str] = field(default_factory=dict)
    sizes: frozenset[int] | None = None


def open_weights(path: Path) -> WeightFile:
    """Open a file of tensors without running code from it.

    Raises:
        InputError: If it is missing, damaged, of another kind, larger inside than outside, or asks to run code.
    """
    try:
        if not path.is_file():
            raise InputError(f"no checkpoint at {path}: give a .ckpt file, such as <run>/checkpoints/best.ckpt")
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if start.startswith(b"PK"):
        return _open_torch(path)
    if start[8:] == b"{":
        return _open_safetensors(path)
    if start.startswith(b"\x80"):
        raise InputError(
            f"{path} is refused: it is a bare pickle (of PyTorch before 1.6, or of another program), and reading one "
            "can run code; where you trust it, save its tensors with a current PyTorch's torch.save or as .safetensors"
        )
    raise InputError(f"{path} is not a checkpoint that can be read safely: it is neither PyTorch's nor safetensors")


def _open_torch(path: Path) -> WeightFile:
    sizes = _check_archive(path)
    try:
        with torch.serialization.safe_globals(PLAIN_NUMBERS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PyTorch remarks about sparse tensors, which are refused below
            entries = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # damaged bytes raise errors of many types
        if calls := _calls_of(path):
            raise InputError(
                f"{path} is refused: its pickle wants to call {calls}, and reading a checkpoint must not run code; "
                "ask its author for .safetensors, or for the model's state_dict alone"
            ) from error
        raise _damaged(path) from error
    if not isinstance(entries, dict):
        raise InputError(f"{path} holds no model: it is a {type(entries).__name__}, not a dictionary of tensors")
    return WeightFile(path, entries, sizes=sizes)


def _check_archive(path: Path) -> frozenset[int]:
    """Refuse an archive that would unfold to more than its own length, or whose pickle would: nothing is compressed.

    Returns:
        Bytes of each of its entries.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # damaged bytes raise errors of many types here too
        raise _damaged(path) from error
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise InputError(f"{path} is not a checkpoint but a program (TorchScript), which is not run here")
    unfolds = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if unfolds or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise InputError(f"{path} is refused: it holds more than its own length when unpacked, unlike any checkpoint")
    pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
    if len(pickles) != 1:
        raise _damaged(path)
    _check_pickle(path, pickles[0])
    return frozenset(entry.file_size for entry in entries)


def _check_pickle(path: Path, entry: zipfile.ZipInfo) -> None:
    """Refuse a pickle that could make far more than it is long out of what PyTorch lets it call."""
    if entry.file_size > LONGEST_PICKLE:
        raise InputError(f"{path} is refused: its list of contents is longer than that of any checkpoint")
    try:
        with zipfile.ZipFile(path) as archive:
            contents = archive.read(entry)
    except Exception as error:
        raise _damaged(path) from error
    if b"bytearray" in contents:  # which may be of any length
        raise InputError(f"{path} is refused: it asks for memory that it does not fill, unlike any checkpoint")


def _calls_of(path: Path) -> str:
    """Names of what a pickle would call, if it is more than tensors and plain values."""
    try:
        with torch.serialization.safe_globals(PLAIN_NUMBERS):
            return ", ".join(sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))[:3])
    except Exception:  # the pickle is damaged as well
        return ""


def _open_safetensors(path: Path) -> WeightFile:
    try:
        with safe_open(path, framework="pt") as file:
            metadata, names = file.metadata() or {}, file.keys()
            if len(names) > MOST_TENSORS:
                raise InputError(f"{path} is refused: it has {len(names):,} tensors, unlike any checkpoint")
            return WeightFile(path, {name: file.get_tensor(name) for name in names}, metadata)
    except InputError:
        raise
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path} is not a checkpoint that can be read safely: it is damaged, cut short or of another kind; "
        "download or copy it again"
    )


def checked_weights(entries: Mapping[Any, Any], file: WeightFile) -> dict[str, Tensor]:
    """Entries of a file as weights: dense tensors of real numbers that are no longer than what it holds of them.

    Raises:
        InputError: Naming the entry that is something else.
    """
    path = file.path
    for name, tensor in entries.items():
        if not isinstance(name, str):
            kind = type(name).__name__
            raise InputError(f"{path} is damaged: among its weights' names is one of type {kind}, which is not text")
        shown = shortened(name)
        if not isinstance(tensor, Tensor):
            raise InputError(f"{path} holds no model: among its weights is {shown}, a {type(tensor).__name__}")
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise InputError(f"{path} is damaged: its entry {shown} is no dense tensor whose values are in the file")
        if tensor.dtype not in FLOATS:
            raise InputError(
                f"{path} holds {shown} as {tensor.dtype}: weights are read as {', '.join(map(str, FLOATS))}"
            )
        stored = tensor.untyped_storage().nbytes()
        if tensor.nbytes > stored or (file.sizes is not None and stored not in file.sizes):
            raise InputError(f"{path} is refused: its entry {shown} is larger than what the file holds of it")
    if sum(tensor.nbytes for tensor in entries.values()) > SHARED * path.stat().st_size:
        raise InputError(f"{path} is refused: its tensors are larger than the file")
    return dict(entries)


def forget(tensor: Tensor) -> None:
    """Let Linux take back the memory that a mapped tensor was read into; read again, it comes from the file again.

    Without this, a model and all of the file it was copied from count towards the process together. A tensor that is
    no part of a mapped file may be zeros afterwards.
    """
    if platform.system() != "Linux":
        return
    storage, page = tensor.untyped_storage(), mmap.PAGESIZE
    first = -(-storage.data_ptr() // page) * page
    length = storage.data_ptr() + storage.nbytes() - first
    if length >= page:
        _libc().madvise(ctypes.c_void_p(first), ctypes.c_size_t(length // page * page), MADV_DONTNEED)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
