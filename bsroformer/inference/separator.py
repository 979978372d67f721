"""Separate a mixture of any length by overlapping windows."""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Literal

import torch
from torch import Tensor

from bsroformer.audio.overlap_add import OverlapAdd, places
from bsroformer.devices import choose_device, computes_bf16
from bsroformer.errors import InputError
from bsroformer.model import BandSplitRoformer

PRECISIONS = ("auto", "fp32", "bf16")

Progress = Callable[[int, int], None]
"""Called with the samples that are done and the samples in all."""


class Separator:
    """Separates mixtures with a model: windows as long as its training excerpts, overlapped and cross-faded.

    Args:
        model: The model; it is moved to the device and set to evaluation mode.
        overlap: Share of a window that the next one repeats, from 0 up to less than 1.
        batch_size: Windows computed together.
        chunk_seconds: Length of a window; the model's own unless given.
        device: Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ...
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where the hardware computes it.

    Attributes:
        stems: Names of the stems, in the order of the output.
        sample_rate: Of mixture and stems, Hz.

    Raises:
        InputError: If an argument is out of range or the device is not there.
    """

    def __init__(
        self,
        model: BandSplitRoformer,
        overlap: float = 0.5,
        batch_size: int = 1,
        chunk_seconds: float | None = None,
        device: str = "auto",
        precision: Literal["auto", "fp32", "bf16"] = "auto",
    ) -> None:
        seconds = model.settings.chunk_seconds if chunk_seconds is None else chunk_seconds
        _check(overlap, batch_size, seconds, precision)
        self.stems, self.sample_rate = model.stems, model.sample_rate
        self.size = max(1, round(seconds * self.sample_rate))
        self.step = max(1, round(self.size * (1 - overlap)))
        self.batch_size = batch_size
        self.device = choose_device(device)
        self.bf16 = computes_bf16(self.device) if precision == "auto" else precision == "bf16"
        self.model = model.to(self.device).eval()

    @torch.inference_mode()
    def __call__(self, mixture: Tensor, progress: Progress | None = None) -> Tensor:
        """Separate a mixture ``(c t)`` at `sample_rate` into stems ``(n c t)``, on the CPU.

        Raises:
            InputError: If it has no sample or another number of channels than the model.
        """
        channels = self.model.settings.channels
        if mixture.ndim != 2 or mixture.shape[0] != channels or mixture.shape[1] == 0:
            raise InputError(
                f"the model separates audio of shape ({channels} channels, samples), got {tuple(mixture.shape)}"
            )
        finished = []
        for block in self._blocks(mixture):
            finished.append(block.cpu())
            if progress:
                progress(sum(part.shape[-1] for part in finished), mixture.shape[-1])
        return torch.cat(finished, dim=-1)

    def _blocks(self, mixture: Tensor) -> Iterator[Tensor]:
        """Yield finished stems ``(n c t)``, one piece after another."""
        joined = OverlapAdd(fade=self.size - self.step)
        remaining = places(mixture.shape[-1], self.size, self.step)
        while batch := list(islice(remaining, self.batch_size)):
            windows = torch.stack([mixture[:, place.start : place.stop] for place in batch])
            for place, stems in zip(batch, self._separate(windows), strict=True):
                yield joined.add(stems, place)

    def _separate(self, windows: Tensor) -> Tensor:
        """Windows ``(b c t)`` to stems ``(b n c t)`` in float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return self.model(windows.to(self.device)).float()


def _check(overlap: float, batch_size: int, chunk_seconds: float, precision: str) -> None:
    if not 0 <= overlap < 1:
        raise InputError(f"overlap={overlap} is not a share from 0 up to less than 1, such as 0.5")
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size} must be 1 or more")
    if not 0 < chunk_seconds < math.inf:
        raise InputError(f"chunk_seconds={chunk_seconds} must be a number of seconds above 0")
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision} is none of {', '.join(PRECISIONS)}")
