"""Signals that ask a training to end: it ends after the step under way, when that is saved."""

import signal
import threading
from collections.abc import Callable
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2") if hasattr(signal, name))
"""Ctrl-C; what systems and schedulers send; what SLURM and submitit send before a job's time is up."""


class StoppedError(Exception):
    """A training was asked to end.

    Args:
        number: The signal that asked.
        saved: Whether the steps that it made are in its last checkpoint.

    Attributes:
        status: What a shell says of a program that the signal ended.
    """

    def __init__(self, number: int, saved: bool) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.saved, self.status = saved, 128 + number


class StopSignals:
    """Remembers the first of `SIGNALS` that comes; a second ends what is under way at once.

    Attributes:
        received: The signal, or 0.
    """

    def __init__(self) -> None:
        self.received = 0
        self._usual: dict[int, Any] = {}

    def listen(self) -> None:
        """Answer the signals from here on, in the main thread, which alone gets any."""
        if threading.current_thread() is threading.main_thread() and not self._usual:
            self._usual = {number: signal.signal(number, self._remember) for number in SIGNALS}

    def leave(self) -> None:
        """Leave them to whom they were left before."""
        while self._usual:
            signal.signal(*self._usual.popitem())

    def usual_answer(self, number: int) -> Callable[..., Any] | None:
        """The function that answered a signal before, if there was one."""
        usual = self._usual.get(number)
        return usual if callable(usual) else None

    def _remember(self, number: int, frame: object) -> None:
        if self.received:
            raise StoppedError(number, saved=False)
        self.received = number
