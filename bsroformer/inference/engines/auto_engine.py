"""Choice of the faster of two engines, measured on windows of the song."""

import time
from collections.abc import Callable

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference.engines.engine import Engine

TRIAL_AFTER_S = 20.0
"""Seconds of computation before the second engine is tried: short songs do not wait for its graph."""


class AutoEngine:
    """Engine that starts with PyTorch, tries OpenVINO, and keeps the faster one.

    The first window of OpenVINO, which includes the creation of its graph, is not timed. All results are used.

    Args:
        first: The engine to start with.
        make_other: Creates the second engine; `first` is chosen if it or its first window fails.
        size: Samples of the windows that are timed; `first` computes windows of other lengths.

    Attributes:
        choice: The chosen engine and the reason; empty before.
    """

    def __init__(self, first: Engine, make_other: Callable[[], Engine], size: int) -> None:
        self.first = first
        self.half = first.half
        self.size = size
        self.make_other = make_other
        self.choice = ""
        self._other: Engine | None = None
        self._chosen: Engine | None = None
        self._spent = 0.0  # seconds of the first engine
        self._fastest = float("inf")  # seconds of the first engine for a window

    def __call__(self, windows: Tensor) -> Tensor:
        """Separate windows ``(b c t)`` into stems ``(b n c t)``."""
        if self._chosen is not None:
            return self._chosen(windows)
        if windows.shape[-1] != self.size:
            return self.first(windows)
        if self._other is not None:
            stems, seconds = _timed(self._other, windows)
            self._compare(self._other, seconds)
            return stems
        if self._spent >= TRIAL_AFTER_S:
            return self._try(windows)
        stems, seconds = _timed(self.first, windows)
        self._spent += seconds * len(windows)
        self._fastest = min(self._fastest, seconds)
        return stems

    def _try(self, windows: Tensor) -> Tensor:
        try:
            other = self.make_other()
            stems = other(windows)
        except InputError as error:
            self._choose(self.first, f"PyTorch: {error}")
            return self.first(windows)
        self._other = other
        return stems

    def _compare(self, other: Engine, seconds: float) -> None:
        times = f"{seconds:.2f} s a window with OpenVINO, {self._fastest:.2f} s with PyTorch"
        if seconds < self._fastest:
            self._choose(other, f"OpenVINO computes the remaining windows ({times})")
        else:
            self._choose(self.first, f"PyTorch computes the remaining windows ({times})")

    def _choose(self, engine: Engine, reason: str) -> None:
        self._chosen = engine
        self._other = None
        self.choice = f"engine=auto: {reason}"


def _timed(engine: Engine, windows: Tensor) -> tuple[Tensor, float]:
    """Return stems and the mean seconds of a window."""
    started = time.perf_counter()
    stems = engine(windows)
    seconds = time.perf_counter() - started
    return stems, seconds / len(windows)
