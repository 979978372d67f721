"""Tensors from an untrusted file: no code runs, and memory is bounded by its size.

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

MAX_PICKLE_BYTES = 4 * 2**20
"""A pickle that lists ten thousand tensors takes 2 MB; one byte may create an object of fifty."""
MAX_TENSORS = 20_000
"""The largest known model has 3,000; an empty tensor takes 60 bytes of a file and 60 microseconds."""
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1")
"""NumPy's names of plain numbers."""
MAX_SHARED_RATIO = 2
"""Upper bound of the tensors' bytes over the file's; a few small tensors are stored once for several keys."""
MADV_DONTNEED = 4


def plain_dtype(name: str, *flags: bool) -> np.dtype[Any]:
    """Call ``numpy.dtype`` for plain numbers only, which are small."""
    if name not in NUMBERS:
        raise ValueError(f"numpy.dtype({name!r:.20})")
    return np.dtype(name, *flags)


# Trainers save scores as NumPy scalars; the module of their constructor was renamed in NumPy 2.
_MAKE_NUMBER = np.float64(0).__reduce__()[0]
PLAIN_NUMBERS: list[Any] = [
    (_MAKE_NUMBER, "numpy.core.multiarray.scalar"),
    (_MAKE_NUMBER, "numpy._core.multiarray.scalar"),
    (plain_dtype, "numpy.dtype"),
    *(type(np.dtype(name)) for name in NUMBERS),
]


@dataclass(frozen=True)
class WeightFile:
    """Contents of a file.

    Attributes:
        path: Path of the file.
        entries: Tensors and plain values by name, possibly nested.
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
        InputError: If it is missing, damaged, of another format, larger when unpacked, or would run code.
    """
    try:
        if not path.is_file():
            raise InputError(f"no checkpoint at {path}; give a .ckpt file, such as <run>/checkpoints/best.ckpt")
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
            f"{path} is a bare pickle (of PyTorch before 1.6, or of another program), which can run code when read; if "
            "you trust it, save its tensors with a current PyTorch's torch.save or as .safetensors"
        )
    raise InputError(
        f"{path} is not a checkpoint that can be read safely; give a file of PyTorch 1.6 or later, or .safetensors"
    )


def _open_torch(path: Path) -> WeightFile:
    sizes = _check_archive(path)
    try:
        with torch.serialization.safe_globals(PLAIN_NUMBERS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sparse tensors, which are refused below
            entries = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # damaged bytes raise errors of many types
        calls = _calls_of(path)
        if calls:
            raise InputError(
                f"{path} is refused: its pickle calls {calls}, and reading a checkpoint must not run code; "
                "ask its author for .safetensors, or for the model's state_dict alone"
            ) from error
        raise _damaged(path) from error
    if not isinstance(entries, dict):
        raise InputError(
            f"{path} holds a {type(entries).__name__}, not a dictionary of tensors; save its state_dict instead"
        )
    return WeightFile(path, entries, sizes=sizes)


def _check_archive(path: Path) -> frozenset[int]:
    """Refuse an archive that unpacks to more than its own length, or whose pickle may.

    Returns:
        The size of each entry, bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # damaged bytes raise errors of many types here too
        raise _damaged(path) from error
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise InputError(
            f"{path} is not a checkpoint but a TorchScript program, which is never run; give its state_dict"
        )
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    if compressed or unpacked > path.stat().st_size:
        raise InputError(
            f"{path} is refused: it holds more than its own length when unpacked, unlike any checkpoint; "
            "get it from its author again"
        )
    pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
    if len(pickles) != 1:
        raise _damaged(path)
    _check_pickle(path, pickles[0])
    return frozenset(entry.file_size for entry in entries)


def _check_pickle(path: Path, entry: zipfile.ZipInfo) -> None:
    """Refuse a pickle that could use far more memory than its length."""
    if entry.file_size > MAX_PICKLE_BYTES:
        raise InputError(
            f"{path} is refused: its list of contents is longer than that of any checkpoint; save its state_dict alone"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            contents = archive.read(entry)
    except Exception as error:
        raise _damaged(path) from error
    if b"bytearray" in contents:  # of any length
        raise InputError(f"{path} is refused: it declares more data than it contains; save its state_dict alone")


def _calls_of(path: Path) -> str:
    """List the functions that a pickle would call besides the safe ones."""
    try:
        with torch.serialization.safe_globals(PLAIN_NUMBERS):
            names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
            return ", ".join(names[:3])
    except Exception:  # the pickle is damaged too
        return ""


def _open_safetensors(path: Path) -> WeightFile:
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            if len(names) > MAX_TENSORS:
                raise InputError(
                    f"{path} is refused: it has {len(names):,} tensors, more than any checkpoint; "
                    "save the model's weights alone"
                )
            tensors = {name: file.get_tensor(name) for name in names}
            return WeightFile(path, tensors, file.metadata() or {})
    except InputError:
        raise
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path} is not a checkpoint that can be read safely: it is damaged, cut short or of another format; "
        "download or copy it again"
    )


def checked_weights(entries: Mapping[Any, Any], file: WeightFile) -> dict[str, Tensor]:
    """Check that entries are dense tensors of real numbers, stored in the file.

    Raises:
        InputError: Naming the entry that is not such a tensor.
    """
    for name, tensor in entries.items():
        _check_weight(name, tensor, file)
    total = sum(tensor.nbytes for tensor in entries.values())
    if total > MAX_SHARED_RATIO * file.path.stat().st_size:
        raise InputError(f"{file.path} is refused: its tensors are larger than the file; get it from its author again")
    return dict(entries)


def _check_weight(name: Any, tensor: Any, file: WeightFile) -> None:
    path = file.path
    if not isinstance(name, str):
        kind = type(name).__name__
        raise InputError(f"{path} is damaged: the name of a weight must be text, got {kind}; save its state_dict alone")
    shown = shortened(name)
    if not isinstance(tensor, Tensor):
        kind = type(tensor).__name__
        raise InputError(f"{path}: its weight {shown} must be a tensor, got {kind}; save the model's state_dict alone")
    dense = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided
    if not dense or tensor.device.type != "cpu":
        raise InputError(
            f"{path}: its weight {shown} must be a dense tensor with its values in the file; save it again from the "
            "trained model"
        )
    if tensor.dtype not in FLOATS:
        supported = ", ".join(map(str, FLOATS))
        raise InputError(f"{path} holds {shown} as {tensor.dtype}; convert it to one of {supported}")
    stored = tensor.untyped_storage().nbytes()
    absent = file.sizes is not None and stored not in file.sizes
    if tensor.nbytes > stored or absent:
        raise InputError(
            f"{path} is refused: its weight {shown} is larger than its data in the file; get it from its author again"
        )


def release_pages(tensor: Tensor) -> None:
    """Let Linux reclaim the memory of a mapped tensor until its next use.

    Without this, both a model and the file it was copied from count as memory of the process. A tensor that is not
    mapped from a file may be zeros afterwards.
    """
    if platform.system() != "Linux":
        return
    storage = tensor.untyped_storage()
    page = mmap.PAGESIZE
    first = -(-storage.data_ptr() // page) * page  # the next multiple of a page
    length = storage.data_ptr() + storage.nbytes() - first
    if length >= page:
        _libc().madvise(ctypes.c_void_p(first), ctypes.c_size_t(length // page * page), MADV_DONTNEED)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
