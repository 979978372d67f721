"""The faster of two engines, measured on the windows that are to be computed anyway."""

import time
from collections.abc import Callable

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference.engines.engine import Engine

TRIAL_AFTER_S = 20.0
"""Seconds of computing before the other engine is tried: short songs do not wait for its graph."""


class AutoEngine:
    """Computes windows with PyTorch at first, then two with OpenVINO, and the rest with the faster one.

    The first window of OpenVINO, in which its graph is made, is not compared. The results of all windows are used.

    Args:
        first: Computes at first.
        make_other: Makes the other one; its errors, and those of its first window, leave `first` chosen.
        size: Length of the windows that are compared, samples; others are computed by `first`.

    Attributes:
        choice: What was chosen and why; empty before.
    """

    def __init__(self, first: Engine, make_other: Callable[[], Engine], size: int) -> None:
        self.first, self.half, self.size = first, first.half, size
        self.make_other = make_other
        self.choice = ""
        self._other: Engine | None = None
        self._chosen: Engine | None = None
        self._spent = 0.0
        self._fastest = float("inf")  # seconds for a window of the first engine

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
            self._choose(other, f"OpenVINO computes the rest ({times})")
        else:
            self._choose(self.first, f"PyTorch computes the rest ({times})")

    def _choose(self, engine: Engine, why: str) -> None:
        self._chosen, self._other, self.choice = engine, None, f"engine=auto: {why}"


def _timed(engine: Engine, windows: Tensor) -> tuple[Tensor, float]:
    """Stems, and the seconds that each window took."""
    begun = time.perf_counter()
    stems = engine(windows)
    return stems, (time.perf_counter() - begun) / len(windows)
