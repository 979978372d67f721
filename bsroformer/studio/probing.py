"""A time limit on what reads a visitor's file before it is taken in."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from threading import Condition, Thread
from typing import TypeVar

PROBING_SECONDS = 10.0
"""The header of an ordinary song is read in milliseconds."""
PROBED_AT_A_TIME = 8
PROBED_OF_EACH = 2
"""Of one visitor's files."""

T = TypeVar("T")


class TooSlowError(Exception):
    """It took longer than it may."""


class BusyError(Exception):
    """There was no thread for it in time."""


class TimedCalls:
    """Calls in threads of their own, each with a time limit.

    A call that is late cannot be stopped: it keeps its thread until it ends, and its result is dropped. The threads are
    daemons, so that the program need not wait for it.

    Args:
        seconds: The limit.
    """

    def __init__(self, seconds: float = PROBING_SECONDS) -> None:
        self._seconds = seconds
        self._running: Counter[str] = Counter()
        self._ended = Condition()

    def call(self, function: Callable[[], T], visitor: str = "") -> T:
        """Call a function.

        Args:
            function: It.
            visitor: On whose behalf; each has some of the threads only.

        Raises:
            TooSlowError: If it takes longer than it may.
            BusyError: If other calls leave it no thread in that time.
        """
        with self._ended:
            if not self._ended.wait_for(lambda: self._is_free(visitor), self._seconds):
                raise BusyError
            self._running[visitor] += 1
        future = Future[T]()
        Thread(target=self._run, args=(function, visitor, future), name="probing", daemon=True).start()
        try:
            return future.result(self._seconds)
        except LateError as error:
            if future.done():  # the function itself raised it
                raise
            raise TooSlowError from error

    def _is_free(self, visitor: str) -> bool:
        own = self._running[visitor] if visitor else 0
        return self._running.total() < PROBED_AT_A_TIME and own < PROBED_OF_EACH

    def _run(self, function: Callable[[], T], visitor: str, future: Future[T]) -> None:
        try:
            result = function()
        except BaseException as error:  # it is raised where the call was made
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            with self._ended:
                self._running[visitor] -= 1
                self._running += Counter()  # forget those without any
                self._ended.notify_all()
