"""A time limit on what reads a visitor's file before it is taken in."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from threading import BoundedSemaphore, Thread
from typing import TypeVar

PROBING_SECONDS = 10.0
"""The header of an ordinary song is read in milliseconds."""
PROBED_AT_A_TIME = 8

T = TypeVar("T")


class TooSlowError(Exception):
    """It took longer than it may."""


class TimedCalls:
    """Calls in threads of their own, each with a time limit.

    A call that is late cannot be stopped: it keeps its thread until it ends, and its result is dropped. The threads are
    daemons, so that the program need not wait for it.

    Args:
        seconds: The limit.
    """

    def __init__(self, seconds: float = PROBING_SECONDS) -> None:
        self._seconds = seconds
        self._free = BoundedSemaphore(PROBED_AT_A_TIME)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function.

        Raises:
            TooSlowError: If it takes longer, or has to wait too long for others that do.
        """
        deadline = time.monotonic() + self._seconds
        if not self._free.acquire(timeout=self._seconds):
            raise TooSlowError
        future = Future[T]()
        Thread(target=self._run, args=(function, future), name="probing", daemon=True).start()
        try:
            return future.result(max(0.0, deadline - time.monotonic()))
        except LateError as error:
            if future.done():  # the function itself raised it
                raise
            raise TooSlowError from error

    def _run(self, function: Callable[[], T], future: Future[T]) -> None:
        try:
            result = function()
        except BaseException as error:  # it is raised where the call was made
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            self._free.release()
