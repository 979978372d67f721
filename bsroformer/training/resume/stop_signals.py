"""Signals that stop a training after the step under way, once that is saved."""

import signal
import threading
from collections.abc import Callable
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")
"""Ctrl-C; what systems and schedulers send; what SLURM and submitit send before a job's time is up."""
SIGNALS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
"""Those of `NAMES` that the system has."""


class StoppedError(Exception):
    """A training was stopped by a signal.

    Args:
        number: The signal.
        saved: Whether its steps are in its last checkpoint.

    Attributes:
        status: A shell's exit status for a program that the signal ended.
    """

    def __init__(self, number: int, saved: bool) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.saved = saved
        self.status = 128 + number


class StopSignals:
    """Record the first of `SIGNALS`; a second one ends the program at once.

    Attributes:
        received: The signal, or 0.
    """

    def __init__(self) -> None:
        self.received = 0
        self._former_handlers: dict[int, Any] = {}

    def listen(self) -> None:
        """Handle the signals from here on; only the main thread can."""
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or self._former_handlers:
            return
        for number in SIGNALS:
            self._former_handlers[number] = signal.signal(number, self._record)

    def leave(self) -> None:
        """Restore the former handlers."""
        while self._former_handlers:
            number, handler = self._former_handlers.popitem()
            signal.signal(number, handler)

    def former_handler(self, number: int) -> Callable[..., Any] | None:
        """The function that handled a signal before, if there was one."""
        handler = self._former_handlers.get(number)
        return handler if callable(handler) else None

    def _record(self, number: int, frame: object) -> None:
        if self.received:
            raise StoppedError(number, saved=False)
        self.received = number
