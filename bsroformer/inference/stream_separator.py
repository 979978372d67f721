"""Base class of separators: a stream of a mixture in, a stream of its stems out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from os import PathLike

import numpy as np
import torch
from torch import Tensor

from bsroformer.errors import Cancelled, InputError

Progress = Callable[[float, float | None], None]
"""Callback with the separated seconds of music and the total, if known."""


class StreamSeparator(ABC):
    """Separates mixtures of any length in constant memory.

    Attributes:
        stems: Names of the stems, in the order of the output.
        sample_rate: Sample rate of mixture and stems in Hz.
        channels: Number of channels of mixture and stems.
        on_windows: Callback in the computing thread with the number of windows that were computed together.
    """

    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    on_windows: Callable[[int], None] | None = None

    def count_windows(self, frames: int) -> int | None:
        """Count the windows of a mixture of a number of samples.

        None if it is not separated by windows.
        """
        return None

    @property
    def engine_choice(self) -> str:
        """Choice of ``engine=auto`` with its reason; empty for other engines."""
        return ""

    @property
    def precision(self) -> str:
        """Precision: ``fp32``, ``bf16`` or ``fp16``; ``auto`` if unknown."""
        return "auto"

    @property
    def model_digest(self) -> str:
        """Digest of the model's weights: see `weights_digest`; those of several models with ``+``.

        Empty if unknown.
        """
        return ""

    @abstractmethod
    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture block by block.

        Args:
            mixture: Blocks ``(c t)`` of any length, at `sample_rate`.

        Yields:
            Blocks of the stems ``(n c t)`` on the CPU, each as soon as it is final: in total as many samples as the
            mixture has, without a delay.
        """

    def __call__(
        self,
        mixture: Tensor | np.ndarray,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Tensor:
        """Separate a mixture in memory, with the same samples as `stream`.

        Args:
            mixture: Samples ``(c t)`` at `sample_rate`, floating-point numbers in a tensor or a NumPy array.
            progress: Called after each finished block.
            cancelled: Called after each finished block; true stops the separation.

        Returns:
            The stems ``(n c t)``, on the CPU.

        Raises:
            InputError: If the mixture is of another type, has no sample or another number of channels.
            Cancelled: If `cancelled` returned true.
        """
        mixture = as_samples(mixture)
        has_channels = mixture.ndim == 2 and mixture.shape[0] == self.channels
        if not has_channels or mixture.shape[1] == 0:
            raise InputError(
                f"the model separates audio of shape ({self.channels} channels, samples), got {tuple(mixture.shape)}"
            )
        stems = self.stream([mixture])
        blocks = list(with_progress(stems, self.sample_rate, mixture.shape[1], progress, cancelled))
        return torch.cat(blocks, dim=-1)

    def __repr__(self) -> str:
        """Name the stems, the rate and the channels."""
        return (
            f"{type(self).__name__}(stems={list(self.stems)}, sample_rate={self.sample_rate}, channels={self.channels})"
        )


def as_samples(mixture: object) -> Tensor:
    """Convert floating-point samples to a float32 tensor.

    A float32 tensor is not copied.

    Raises:
        InputError: If they are neither a tensor nor an array of real floating-point numbers.
    """
    if isinstance(mixture, str | PathLike):
        raise InputError(f"{mixture} is a path, and a separator takes samples; use bsroformer.separate_file")
    if isinstance(mixture, np.ndarray) and np.issubdtype(mixture.dtype, np.floating):
        mixture = torch.from_numpy(np.ascontiguousarray(mixture, dtype=np.float32))
    if isinstance(mixture, Tensor) and mixture.is_floating_point():
        return mixture.float()
    kind = getattr(mixture, "dtype", type(mixture).__name__)
    raise InputError(f"the mixture must be a tensor or NumPy array of floating-point samples, got {kind}")


def with_progress(
    blocks: Iterable[Tensor],
    sample_rate: int,
    frames: int | None,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Iterator[Tensor]:
    """Yield blocks ``(... t)`` and report the progress after each.

    Args:
        blocks: The blocks.
        sample_rate: Sample rate in Hz.
        frames: Expected samples of all blocks, if known.
        progress: Called with the seconds so far and in total.
        cancelled: Called after each block; true stops the iteration.

    Raises:
        Cancelled: If `cancelled` returned true.
    """
    done = 0
    for block in blocks:
        yield block
        done += block.shape[-1]
        if progress:
            total = None if frames is None else max(done, frames) / sample_rate
            progress(done / sample_rate, total)
        if cancelled and cancelled():
            raise Cancelled
