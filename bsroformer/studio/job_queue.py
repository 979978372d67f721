"""The queue of songs, the song of each open page, and how long songs take."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Lock, Thread
from weakref import WeakValueDictionary

from bsroformer.errors import InputError
from bsroformer.studio.job import Job, SeparationRequest

Submit = Callable[[SeparationRequest, Job | None], Job]
"""Queues a song, which replaces another one."""
PAGE_LOCKS = 64
"""Pages that can send a song at the same time; each page waits for itself, and rarely for another."""

log = logging.getLogger(__name__)


class JobQueue:
    """Works on jobs in the order of arrival, one at a time, in its own thread.

    Args:
        work: Does a job. An exception from it is logged and ends that job only.
        max_jobs: Limit of jobs, the one in work included.
        max_each: Limit of jobs of one visitor.
    """

    def __init__(self, work: Callable[[Job], None], max_jobs: int, max_each: int | None = None) -> None:
        self.work = work
        self.max_jobs = max_jobs
        self.max_each = max_jobs if max_each is None else max_each
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name="studio", daemon=True)
        self._thread.start()

    def add(self, job: Job, replaces: Job | None = None) -> None:
        """Append a job.

        Args:
            job: The new job.
            replaces: A job that is about to be removed and is not counted.

        Raises:
            InputError: The queue is full, or the visitor's share of it.
        """
        with self._changed:
            others = [other for other in self.jobs() if other is not replaces]
            if len(others) >= self.max_jobs:
                raise InputError(f"{self.max_jobs} songs are in the queue, which is full; try again later")
            visitor = job.request.visitor
            own = [other for other in others if visitor and other.request.visitor == visitor]
            if len(own) >= self.max_each:
                raise InputError(f"{self.max_each} of your songs are in the queue; try again when one of them is done")
            self._waiting.append(job)
            self._changed.notify()

    def jobs(self) -> list[Job]:
        """Return the job in work and the waiting ones, in order."""
        with self._changed:
            current = [] if self._current is None else [self._current]
            return [*current, *self._waiting]

    def ahead(self, job: Job) -> list[Job]:
        """Return the jobs before a waiting one, the one in work first."""
        with self._changed:
            if job not in self._waiting:
                return []
            jobs = self.jobs()
            return jobs[: jobs.index(job)]

    def remove(self, job: Job) -> bool:
        """Remove a job if it is waiting; return whether it was."""
        with self._changed:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
            return True

    def close(self) -> None:
        """Start no other job, and wait for the end of the one in work."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._current = None
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                job = self._waiting.popleft()
                self._current = job
            with logged("job"):
                self.work(job)


@contextmanager
def logged(what: str) -> Iterator[None]:
    """Log an exception and continue: without the thread all visitors would wait."""
    try:
        yield
    except Exception:
        log.exception("The studio's %s failed; it continues", what)


class SpeedEstimator:
    """Estimates how long separations take, from those that are done."""

    def __init__(self) -> None:
        self._seconds_per_pass: dict[str, float] = {}

    def record(self, request: SeparationRequest, seconds: float, taken: float) -> None:
        """Note the seconds that a song of some seconds has taken."""
        self._seconds_per_pass[request.checkpoint] = taken / max(seconds * request.passes, 1e-9)

    def remaining(self, job: Job) -> float | None:
        """Estimate the seconds of work that a job still needs; None if unknown."""
        if job.seconds is None:
            return None
        if job.started_at is not None and job.done > 0:
            elapsed = time.monotonic() - job.started_at
            return max(0.0, job.seconds - job.done) * elapsed / job.done
        seconds = self._seconds_per_pass.get(job.request.checkpoint)
        return None if seconds is None else job.seconds * job.request.passes * seconds


class PageSessions:
    """The song of each open page, which the page's next song replaces.

    A page may send a second song before it has the answer to the first, after a double click for example. The
    server's side therefore remembers its song, so that none is separated that nobody sees.

    Args:
        submit: `Studio.submit`.
        find: `Studio.job`.
    """

    def __init__(self, submit: Submit, find: Callable[[str], Job | None]) -> None:
        self._submit = submit
        self._find = find
        self._jobs: WeakValueDictionary[str, Job] = WeakValueDictionary()  # while the studio knows them
        self._locks = [Lock() for _ in range(PAGE_LOCKS)]

    def submit(self, page: str | None, request: SeparationRequest, shown: str | None) -> Job:
        """Submit a song, which replaces the page's previous one.

        Args:
            page: Key of the page until it is loaded again; None if unknown.
            request: What is to be done.
            shown: Token of the song that the page shows; it may be from before the page was loaded again.

        Raises:
            InputError: The song is refused, see `Studio.submit`; the previous one stays.
        """
        with self._locks[hash(page) % PAGE_LOCKS]:
            previous = self._jobs.get(page) if page else None
            if previous is None and shown:
                previous = self._find(shown)
            job = self._submit(request, previous)
            if page:
                self._jobs[page] = job
        return job
