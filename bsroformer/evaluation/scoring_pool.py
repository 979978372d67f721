"""Threads that score songs, with little waiting for them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Semaphore
from types import TracebackType

from typing_extensions import Self

PATIENCE = 0.2
"""Seconds after which whoever waits looks whether a thread has failed."""
Job = Callable[[], None]


class ScoringPool:
    """A pool of threads that accepts one song more than it works on, and makes others wait.

    Args:
        workers: How many threads.

    Attributes:
        stopped: Set when the caller ends early.
    """

    def __init__(self, workers: int) -> None:
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="scores")
        self.room = Semaphore(workers + 1)
        self.stopped = Event()
        self.error: BaseException | None = None

    def submit(self, jobs: Sequence[Job]) -> None:
        """Hand the jobs of a song over, as soon as there is room for a song.

        Raises:
            BaseException: What an earlier job raised.
        """
        if not jobs:
            return
        while not self.room.acquire(timeout=PATIENCE):
            self._check()
        self._check()
        left = list(jobs)

        def done(future: Future[None]) -> None:
            self.error = self.error or future.exception()
            left.pop()
            if not left:
                self.room.release()

        for job in jobs:
            self.pool.submit(job).add_done_callback(done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Wait for the jobs: what was separated is worth a moment. After an error, `stopped` tells slow ones to end.

        Raises:
            BaseException: What a job raised.
        """
        if error is not None:
            self.stopped.set()
        self.pool.shutdown()
        if error is None:
            self._check()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
