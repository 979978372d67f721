"""Threads that score, with little waiting for them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Semaphore
from types import TracebackType

from typing_extensions import Self

PATIENCE = 0.2
"""Seconds after which whoever waits looks whether a thread has failed."""


class Scorers:
    """A pool of threads that accepts one job more than it works on, and makes others wait.

    Args:
        workers: How many threads.
    """

    def __init__(self, workers: int) -> None:
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="scores")
        self.room = Semaphore(workers + 1)
        self.error: BaseException | None = None

    def submit(self, job: Callable[[], None]) -> None:
        """Hand a job over, as soon as there is room for it.

        Raises:
            BaseException: What an earlier job raised.
        """
        while not self.room.acquire(timeout=PATIENCE):
            self._check()
        self._check()
        self.pool.submit(job).add_done_callback(self._done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Wait for the jobs; after an error, for those alone that are under way.

        Raises:
            BaseException: What a job raised.
        """
        self.pool.shutdown(cancel_futures=error is not None)
        if error is None:
            self._check()

    def _done(self, job: Future[None]) -> None:
        if not job.cancelled() and self.error is None:
            self.error = job.exception()
        self.room.release()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
