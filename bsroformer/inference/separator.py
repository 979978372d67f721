"""Separation of a mixture of any length by overlapping windows."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, tee
from typing import Literal, TypeVar

import torch
from torch import Tensor

from bsroformer.audio.overlap_add import OverlapAdd, windows
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.errors import InputError
from bsroformer.inference.augmented_engine import AUGMENTATIONS, AugmentedEngine
from bsroformer.inference.engines import ENGINES, Engine, make_engine
from bsroformer.inference.stem_selection import SelectedStemsEngine, stem_numbers, with_stems
from bsroformer.inference.stream_separator import StreamSeparator
from bsroformer.inference.weighted_sum import weighted_sum
from bsroformer.models import SeparationModel
from bsroformer.text import count

T = TypeVar("T")
PRECISION_NAMES = {None: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
MAX_WINDOW_S = 3600
"""Longest window in seconds; a window is computed at once."""


class Separator(StreamSeparator):
    """Separator with one model and overlapping windows.

    Windows are as long as the model's training excerpts, and cross-faded.

    Args:
        model: The model; it is moved to the device and set to evaluation mode.
        stems: Names of the model's stems to compute, in order; all by default.
        overlap: Fraction of a window that the next one repeats, in [0, 1).
        batch_size: Windows computed together by ``torch``; ``openvino`` computes them one by one.
        chunk_seconds: Length of a window; the model's own by default.
        shifts: Number of passes with shifted windows, which are averaged.
        tta: Transformations of each window, which are averaged too: ``channel_swap``, ``polarity``.
        device: Device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``xpu``...
        precision: ``fp32``, ``bf16``, ``fp16`` (GPUs), or ``auto``: bf16 where the hardware supports it, else fp16 on
            CUDA cards and fp32.
        engine: ``torch``; ``openvino`` for CPUs (the extra ``openvino``); or ``auto``: the faster one, measured
            after the first 20 s of computation, so that results of two runs may differ in the last bits.
        compile: Compile the model, for ``torch``: faster after half a minute for the start.

    Raises:
        InputError: If an argument is out of range, or the device or engine is not available.
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
        smaller = with_stems(model, self.stems)
        self._digest = None if smaller is model else weights_digest(model)  # before the others are released
        model = smaller
        self._model = model
        self.size = max(1, round(seconds * self.sample_rate))
        self.step = max(1, round(self.size * (1 - overlap)))
        if shifts > self.step:
            raise InputError(f"shifts={shifts} must be at most {self.step}, the samples between two windows")
        self.shifts = shifts
        self.batch_size = batch_size
        chosen = make_engine(engine, model, self.size, device, precision, compile)
        if model.stems != self.stems:
            chosen = SelectedStemsEngine(chosen, numbers)
        self.engine = self._augmented(chosen, tta)

    @property
    def engine_choice(self) -> str:
        """See `StreamSeparator`."""
        return self.engine.choice

    @property
    def precision(self) -> str:
        """Precision of the network: ``fp32``, ``bf16`` or ``fp16``."""
        return PRECISION_NAMES[self.engine.half]

    @property
    def model_digest(self) -> str:
        """See `StreamSeparator`; it is computed when it is first read."""
        if self._digest is None:
            self._digest = weights_digest(self._model)
        return self._digest

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        """Separate a mixture block by block: see `StreamSeparator.stream`."""
        if self.shifts == 1:
            return self._pass(mixture, shift=0)
        copies = tee(mixture, self.shifts)
        passes = [self._pass(copy, shift) for copy, shift in zip(copies, self._shifts(), strict=True)]
        weights = torch.full((self.shifts, len(self.stems)), 1 / self.shifts)
        return weighted_sum(passes, weights)

    def count_windows(self, frames: int) -> int:
        """Count the windows of a mixture of a number of samples, over all shifts."""
        beyond = frames - self.size
        if beyond <= 0:
            return self.shifts
        return sum(1 + (beyond + shift + self.step - 1) // self.step for shift in self._shifts())

    def _shifts(self) -> list[int]:
        """Return the shift of each pass in samples."""
        return [self.step * number // self.shifts for number in range(self.shifts)]

    def _pass(self, mixture: Iterable[Tensor], shift: int) -> Iterator[Tensor]:
        joined = OverlapAdd(fade=self.size - self.step)
        for batch in batches(windows(mixture, self.size, self.step, shift), self.batch_size):
            separated = self.engine(torch.stack([window for _, window in batch]))
            if self.on_windows is not None:
                self.on_windows(len(batch))
            for (span, _), stems in zip(batch, separated, strict=True):
                finished = joined.add(stems, span)
                if finished.shape[-1]:
                    yield finished.cpu()

    def _augmented(self, engine: Engine, names: Sequence[str]) -> Engine:
        for name in names:
            _check_one_of("tta", name, tuple(AUGMENTATIONS))
        if "channel_swap" in names and self.channels != 2:
            raise InputError(
                f"tta=[channel_swap] needs a stereo model, and this one has {count(self.channels, 'channel')}"
            )
        return AugmentedEngine(engine, names) if names else engine


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items; the last may be shorter."""
    remaining = iter(items)
    batch = list(islice(remaining, size))
    while batch:
        yield batch
        batch = list(islice(remaining, size))


def _check_windows(overlap: float, batch_size: int, chunk_seconds: float, shifts: int) -> None:
    if not 0 <= overlap < 1:
        raise InputError(f"overlap={overlap} must be in [0, 1), e.g. overlap=0.5")
    for name, value in (("batch_size", batch_size), ("shifts", shifts)):
        if value < 1:
            raise InputError(f"{name}={value} must be 1 or more")
    if not 0 < chunk_seconds <= MAX_WINDOW_S:
        raise InputError(f"chunk_seconds={chunk_seconds} must be above 0 and at most {MAX_WINDOW_S} seconds")


def _check_one_of(key: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"{key}={value} must be one of {', '.join(known)}")
