"""Separate a mixture of any length by overlapping windows."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, tee
from typing import Literal, TypeVar

import torch
from torch import Tensor

from bsroformer.audio.overlap_add import OverlapAdd, windows
from bsroformer.errors import InputError
from bsroformer.inference.augmented import AUGMENTATIONS, Augmented
from bsroformer.inference.engines import ENGINES, Engine, make_engine
from bsroformer.inference.selection import PickedStems, stem_numbers, with_stems
from bsroformer.inference.stream_separator import StreamSeparator
from bsroformer.inference.streams import weighted_sum
from bsroformer.models import SeparationModel

T = TypeVar("T")
SHORT_NAMES = {None: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
LONGEST_WINDOW = 3600
"""Seconds: a window is computed at once."""


class Separator(StreamSeparator):
    """Separates mixtures with a model: windows as long as its training excerpts, overlapped and cross-faded.

    Args:
        model: The model; it is moved to the device and set to evaluation mode.
        stems: Those of the model's stems to compute, in the order to have; all unless given.
        overlap: Share of a window that the next one repeats, from 0 up to less than 1.
        batch_size: Windows computed together by ``torch``; ``openvino`` takes them one by one.
        chunk_seconds: Length of a window; the model's own unless given.
        shifts: Passes with windows at other places, whose mean is taken.
        tta: Passes with each window changed, whose mean is taken too: ``channel_swap``, ``polarity``.
        device: Where to compute: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``xpu``...
        precision: ``fp32``, ``bf16``, ``fp16`` (GPUs), or ``auto``: bf16 where the hardware computes it, else fp16 on
            CUDA cards and fp32.
        engine: ``torch``; ``openvino`` for CPUs (the extra ``openvino``); or ``auto``: the faster one, measured on the
            first windows that take longer than 20 s, so that results are not equal to the last bit in every run.
        compile: Compile the model, for ``torch``: faster after a start that takes half a minute.

    Raises:
        InputError: If an argument is out of range, or the device or engine is not there.
    """

    def __init__(
        self,
        model: SeparationModel,
        stems: Sequence[str] | None = None,
        overlap: float = 0.5,
        batch_size: int = 1,
        chunk_seconds: float | None = None,
        shifts: int = 1,
        tta: Sequence[str] = (),
        device: str = "auto",
        precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto",
        engine: Literal["torch", "openvino", "auto"] = "torch",
        compile: bool = False,
    ) -> None:
        seconds = model.chunk_seconds if chunk_seconds is None else chunk_seconds
        _check_windows(overlap, batch_size, seconds, shifts)
        _check_one_of("engine", engine, ENGINES)
        numbers = range(len(model.stems)) if stems is None else stem_numbers(model.stems, stems)
        self.stems = tuple(model.stems[number] for number in numbers)
        self.sample_rate = model.sample_rate
        self.channels = model.channels
        model = with_stems(model, self.stems)
        self.size = max(1, round(seconds * self.sample_rate))
        self.step = max(1, round(self.size * (1 - overlap)))
        if shifts > self.step:
            raise InputError(f"shifts={shifts} are more than the {self.step} samples between two windows: give fewer")
        self.shifts, self.batch_size = shifts, batch_size
        computing = make_engine(engine, model, self.size, device, precision, compile)
        if model.stems != self.stems:
            computing = PickedStems(computing, numbers)
        self.engine = self._augmented(computing, tta)

    @property
    def engine_choice(self) -> str:
        """What ``engine=auto`` chose and why; empty before, and for other engines."""
        return self.engine.choice

    @property
    def precision(self) -> str:
        """What the network computes in: ``fp32``, ``bf16`` or ``fp16``."""
        return SHORT_NAMES[self.engine.half]

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture ``(c t)``, block by block, into stems ``(n c t)``: see `StreamSeparator.stream`."""
        if self.shifts == 1:
            return self._pass(mixture, shift=0)
        shifts = [self.step * number // self.shifts for number in range(self.shifts)]
        passes = [self._pass(copy, shift) for copy, shift in zip(tee(mixture, self.shifts), shifts, strict=True)]
        return weighted_sum(passes, torch.full((self.shifts, len(self.stems)), 1 / self.shifts))

    def count_windows(self, frames: int) -> int:
        """Windows that a mixture of so many samples takes, over all shifts."""
        beyond = frames - self.size
        if beyond <= 0:
            return self.shifts
        shifts = [self.step * number // self.shifts for number in range(self.shifts)]
        return sum(1 + -(-(beyond + shift) // self.step) for shift in shifts)

    def _pass(self, mixture: Iterable[Tensor], shift: int) -> Iterator[Tensor]:
        joined = OverlapAdd(fade=self.size - self.step)
        for batch in batches(windows(mixture, self.size, self.step, shift), self.batch_size):
            separated = self.engine(torch.stack([window for _, window in batch]))
            if self.on_windows is not None:
                self.on_windows(len(batch))
            for (place, _), stems in zip(batch, separated, strict=True):
                finished = joined.add(stems, place)
                if finished.shape[-1]:
                    yield finished.cpu()

    def _augmented(self, engine: Engine, ways: Sequence[str]) -> Engine:
        for way in ways:
            _check_one_of("tta", way, tuple(AUGMENTATIONS))
        if "channel_swap" in ways and self.channels != 2:
            raise InputError(f"tta=[channel_swap] needs a model of stereo, and this one has {self.channels} channel(s)")
        return Augmented(engine, ways) if ways else engine


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of so many items; the last may be shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def _check_windows(overlap: float, batch_size: int, chunk_seconds: float, shifts: int) -> None:
    if not 0 <= overlap < 1:
        raise InputError(f"overlap={overlap} is not a share from 0 up to less than 1, such as 0.5")
    for name, value in (("batch_size", batch_size), ("shifts", shifts)):
        if value < 1:
            raise InputError(f"{name}={value} must be 1 or more")
    if not 0 < chunk_seconds <= LONGEST_WINDOW:
        raise InputError(f"chunk_seconds={chunk_seconds} must be a number of seconds above 0, up to {LONGEST_WINDOW}")


def _check_one_of(key: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"{key}={value} is none of {', '.join(known)}")
