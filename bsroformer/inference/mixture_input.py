"""What a separator is called with: a tensor, a NumPy array, or the path of a file."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bsroformer.audio.convert import resample_blocks, to_channels
from bsroformer.audio.files import blocks, probe
from bsroformer.errors import InputError

BLOCK = 2**16
Mixture = Tensor | np.ndarray[Any, Any] | str | os.PathLike[str]


def samples_of(mixture: Mixture, channels: int, sample_rate: int) -> Tensor:
    """Get a mixture as a tensor ``(c t)`` of float32.

    Args:
        mixture: Samples ``(c t)`` at `sample_rate`, floats with full scale at 1; or a file, which is resampled.
        channels: That the tensor must have; the sound of a file is brought to them.
        sample_rate: Of the tensor, Hz.

    Raises:
        InputError: If it is something else, or holds no samples or such as are not finite; or see `blocks`.
    """
    if isinstance(mixture, str | os.PathLike):
        return _read(Path(mixture), channels, sample_rate)
    if isinstance(mixture, np.ndarray):
        mixture = torch.from_numpy(np.ascontiguousarray(mixture))
    if not isinstance(mixture, Tensor):
        kind = type(mixture).__name__
        raise InputError(f"a mixture must be a tensor, a NumPy array or the path of a file, got {kind}")
    _check(mixture, channels)
    return mixture.detach().float()


def _check(mixture: Tensor, channels: int) -> None:
    shape = tuple(mixture.shape)
    if mixture.ndim != 2 or shape[0] != channels or shape[1] == 0:
        raise InputError(
            f"the model separates audio of shape ({channels} channels, samples), got {shape}{_hint(shape, channels)}"
        )
    if not mixture.is_floating_point():
        raise InputError(f"the mixture has samples of {mixture.dtype}: scale them to floats between -1 and 1")
    if not mixture.isfinite().all():
        raise InputError("the mixture holds NaN or infinite samples")


def _hint(shape: tuple[int, ...], channels: int) -> str:
    """The remedy for a shape that is often meant."""
    if len(shape) == 2 and shape[1] == channels:
        return ": transpose it (mixture.T)"
    if len(shape) == 3 and shape[0] == 1:
        return ": leave out the batch's axis (mixture[0])"
    if len(shape) == 1 or (len(shape) == 2 and shape[0] == 1 and channels > 1):
        return f": repeat the one channel {channels} times" if channels > 1 else ": add the axis of channels"
    return ""


def _read(path: Path, channels: int, sample_rate: int) -> Tensor:
    info = probe(path)
    if info.channels > 2:
        raise InputError(f"{path} has {info.channels} channels: separate_file with downmix=True mixes them down")
    heard = (to_channels(block, channels, info.layout) for block in blocks(path, BLOCK))
    pieces = list(resample_blocks(heard, info.sample_rate, sample_rate))
    if not sum(piece.shape[-1] for piece in pieces):
        raise InputError(f"{path} holds no samples")
    return torch.cat(pieces, dim=-1)
