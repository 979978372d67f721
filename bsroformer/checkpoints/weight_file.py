"""Tensors from a file of unknown origin: no code of it runs, and it takes no more memory than it is long.

Two formats are read, both mapped into memory instead of copied: PyTorch's since 1.6 (a zip archive of a pickle and
one entry for each tensor) and safetensors.
"""

import ctypes
import mmap
import platform
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bsroformer.errors import InputError

LONGEST_PICKLE = 16 * 2**20
"""Bytes. One that lists ten thousand tensors takes 2 MB; a byte of a pickle may make an object of fifty."""
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
MADV_DONTNEED = 4
_NUMBER = np.float64(0).__reduce__()[0]
_DTYPES = ("float16", "float32", "float64", "int32", "int64", "bool")
PLAIN_NUMBERS: list[Any] = [
    # Trainers keep scores as NumPy's numbers; that module has had two names.
    (_NUMBER, "numpy.core.multiarray.scalar"),
    (_NUMBER, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(name)) for name in _DTYPES),
]


@dataclass(frozen=True)
class WeightFile:
    """What a file holds.

    Attributes:
        path: Where it lies.
        entries: Tensors and plain values by name, maybe nested.
        metadata: Text beside the tensors; in safetensors only.
    """

    path: Path
    entries: dict[str, Any]
    metadata: dict[str, str] = field(default_factory=dict)


def open_weights(path: Path) -> WeightFile:
    """Open a file of tensors without running code from it.

    Raises:
        InputError: If it is missing, damaged, of another kind, larger inside than outside, or asks to run code.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}: give the path of a .ckpt file, such as <run>/checkpoints/best.ckpt")
    try:
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
    _check_archive(path)
    try:
        with torch.serialization.safe_globals(PLAIN_NUMBERS):
            entries = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # damaged bytes raise errors of many types in the reader
        if calls := _calls_of(path):
            raise InputError(
                f"{path} is refused: its pickle wants to call {calls}, and reading a checkpoint must not run code; "
                "ask its author for .safetensors, or for the model's state_dict alone"
            ) from error
        raise _damaged(path) from error
    if not isinstance(entries, dict) or not all(isinstance(name, str) for name in entries):
        raise InputError(f"{path} holds no model: it is a {type(entries).__name__}, not a dictionary of tensors")
    return WeightFile(path, entries)


def _check_archive(path: Path) -> None:
    """Refuse an archive that would unfold to more than its own length: PyTorch compresses nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # as in the reader above
        raise _damaged(path) from error
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise InputError(f"{path} is not a checkpoint but a program (TorchScript), which is not run here")
    pickles = [entry.file_size for entry in entries if entry.filename.endswith("data.pkl")]
    unfolds = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if unfolds or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise InputError(f"{path} is refused: it holds more than its own length when unpacked, unlike any checkpoint")
    if len(pickles) != 1 or pickles[0] > LONGEST_PICKLE:
        raise _damaged(path)


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
            metadata = file.metadata() or {}
            return WeightFile(path, {name: file.get_tensor(name) for name in file.keys()}, metadata)  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path} is not a checkpoint that can be read safely: it is damaged, cut short or of another kind; "
        "download or copy it again"
    )


def checked_weights(entries: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The entries as weights: dense tensors of real numbers that are no longer than the file.

    Raises:
        InputError: Naming the entry that is something else.
    """
    for name, tensor in entries.items():
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise InputError(f"{path} is damaged: its entry {name} is no dense tensor but a {type(tensor).__name__}")
        if tensor.dtype not in FLOATS:
            raise InputError(f"{path} holds {name} as {tensor.dtype}: weights are read as float32, float16 or bfloat16")
        if tensor.nbytes > tensor.untyped_storage().nbytes():
            raise InputError(f"{path} is refused: its entry {name} is larger than what the file holds of it")
    if sum(tensor.nbytes for tensor in entries.values()) > 2 * path.stat().st_size:  # few are stored once for several
        raise InputError(f"{path} is refused: its tensors are larger than the file")
    return dict(entries)


def forget(tensor: Tensor) -> None:
    """Let Linux take back the memory that a mapped tensor was read into; read again, it comes from the file again.

    Without this, a model and all of the file it was copied from count towards the process together.
    """
    if platform.system() != "Linux":
        return
    storage, page = tensor.untyped_storage(), mmap.PAGESIZE
    first = -(-storage.data_ptr() // page) * page
    length = storage.data_ptr() + storage.nbytes() - first
    if length >= page:
        libc = ctypes.CDLL(None)
        libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(length // page * page), MADV_DONTNEED)
