"""What all separators share: a stream of a mixture in, a stream of its stems out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from os import PathLike

import numpy as np
import torch
from torch import Tensor

from bsroformer.errors import Cancelled, InputError

Progress = Callable[[float, float | None], None]
"""Called with the seconds of music that are done, and those there are in all, if that is known."""


class StreamSeparator(ABC):
    """Separates mixtures of any length in constant memory.

    Attributes:
        stems: Names of the stems, in the order of the output.
        sample_rate: Of mixture and stems, Hz.
        channels: Of mixture and stems.
        on_windows: Called in the computing thread with the number of windows that were computed together.
    """

    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    on_windows: Callable[[int], None] | None = None

    def count_windows(self, frames: int) -> int | None:
        """Windows that a mixture of so many samples takes in all; None if it is not separated by windows."""
        return None

    @property
    def engine_choice(self) -> str:
        """What ``engine=auto`` chose and why; empty if there is nothing to report."""
        return ""

    @property
    def precision(self) -> str:
        """What it computes in: ``fp32``, ``bf16`` or ``fp16``; ``auto`` if that is unknown."""
        return "auto"

    @abstractmethod
    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture while it comes in.

        Args:
            mixture: Blocks ``(c t)`` of any length, at `sample_rate`.

        Yields:
            The stems ``(n c t)`` on the CPU, piece by piece, each as soon as nothing can change it any more: in all as
            many samples as the mixture has, without a delay.
        """

    def __call__(
        self,
        mixture: Tensor | np.ndarray,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Tensor:
        """Separate a mixture that is in memory; equal to `stream` sample by sample.

        Args:
            mixture: Samples ``(c t)`` at `sample_rate`, floating-point numbers in a tensor or a NumPy array.
            progress: Called after each finished piece.
            cancelled: Asked after each finished piece whether to stop.

        Returns:
            The stems ``(n c t)``, on the CPU.

        Raises:
            InputError: If the mixture is something else, has no sample or another number of channels.
            Cancelled: If it was.
        """
        mixture = as_samples(mixture)
        if mixture.ndim != 2 or mixture.shape[0] != self.channels or mixture.shape[1] == 0:
            raise InputError(
                f"the model separates audio of shape ({self.channels} channels, samples), got {tuple(mixture.shape)}"
            )
        pieces = list(told(self.stream([mixture]), self.sample_rate, mixture.shape[1], progress, cancelled))
        return torch.cat(pieces, dim=-1)

    def __repr__(self) -> str:
        """Name the stems, the rate and the channels."""
        return (
            f"{type(self).__name__}(stems={list(self.stems)}, sample_rate={self.sample_rate}, channels={self.channels})"
        )


def as_samples(mixture: object) -> Tensor:
    """Return floating-point samples as a float32 tensor, without a copy where they are one.

    Raises:
        InputError: If they are neither a tensor nor an array of real floating-point numbers.
    """
    if isinstance(mixture, str | PathLike):
        raise InputError(f"{mixture} is a path, and a separator takes samples: use bsroformer.separate_file")
    if isinstance(mixture, np.ndarray) and np.issubdtype(mixture.dtype, np.floating):
        mixture = torch.from_numpy(np.ascontiguousarray(mixture, dtype=np.float32))
    if isinstance(mixture, Tensor) and mixture.is_floating_point():
        return mixture.float()
    kind = getattr(mixture, "dtype", type(mixture).__name__)
    raise InputError(f"the mixture must be a tensor or NumPy array of floating-point samples, got {kind}")


def told(
    pieces: Iterable[Tensor],
    sample_rate: int,
    frames: int | None,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Iterator[Tensor]:
    """Pass pieces ``(... t)`` on, and tell after each how far it is.

    Args:
        pieces: What there is to pass on.
        sample_rate: Hz.
        frames: Samples to expect in all, if that is known.
        progress: Told so.
        cancelled: Asked whether to stop.

    Raises:
        Cancelled: If `cancelled` says so.
    """
    done = 0
    for piece in pieces:
        yield piece
        done += piece.shape[-1]
        if progress:
            progress(done / sample_rate, None if frames is None else max(done, frames) / sample_rate)
        if cancelled and cancelled():
            raise Cancelled
