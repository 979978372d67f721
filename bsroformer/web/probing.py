"""A time limit on what reads a visitor's file before it is taken in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import ParamSpec, TypeVar

PROBING_SECONDS = 10.0
"""The header of an ordinary song is read in milliseconds."""
PROBED_AT_A_TIME = 8

P = ParamSpec("P")
T = TypeVar("T")


class TooSlowError(Exception):
    """It took longer than it may."""


class TimedCalls:
    """Calls in threads of their own, each with a time limit.

    A call that is late cannot be stopped: it keeps its thread until it ends, and its result is dropped.

    Args:
        seconds: The limit.
    """

    def __init__(self, seconds: float = PROBING_SECONDS) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(PROBED_AT_A_TIME, "probing")

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function.

        Raises:
            TooSlowError: If it takes longer, or has to wait too long for others that do.
        """
        future = self._threads.submit(function, *args, **kwargs)
        try:
            return future.result(self._seconds)
        except Late as error:
            future.cancel()
            raise TooSlowError from error

    def close(self) -> None:
        """Take no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)
