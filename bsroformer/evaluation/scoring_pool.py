"""Threads that score tracks, with a bounded queue."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Semaphore
from types import TracebackType

from typing_extensions import Self

POLL_TIMEOUT_S = 0.2
"""Interval at which a waiting caller checks whether a thread has failed."""
Job = Callable[[], None]


class ScoringPool:
    """A pool of threads that accepts one track more than it works on.

    Further callers wait.

    Args:
        workers: Number of threads.

    Attributes:
        stopped: Set when the caller ends early.
    """

    def __init__(self, workers: int) -> None:
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="scores")
        self.slots = Semaphore(workers + 1)
        self.stopped = Event()
        self.error: BaseException | None = None

    def submit(self, jobs: Sequence[Job]) -> None:
        """Submit the jobs of a track, once there is a slot for a track.

        Raises:
            BaseException: The error of an earlier job.
        """
        if not jobs:
            return
        while not self.slots.acquire(timeout=POLL_TIMEOUT_S):
            self._check()
        self._check()
        pending = list(jobs)

        def done(future: Future[None]) -> None:
            self.error = self.error or future.exception()
            pending.pop()
            if not pending:
                self.slots.release()

        for job in jobs:
            self.pool.submit(job).add_done_callback(done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for the jobs, whose estimates took long to compute.

        After an error, set `stopped` to end slow ones.

        Raises:
            BaseException: The error of a job.
        """
        if error is not None:
            self.stopped.set()
        self.pool.shutdown()
        if error is None:
            self._check()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
