"""Songs one after another, and how long they will take."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread

from bsroformer.errors import InputError
from bsroformer.studio.job import Job

log = logging.getLogger(__name__)


class Line:
    """Jobs in the order they came; a thread works on the first, one at a time, so that one model is enough.

    Args:
        work: Does a job; what it raises is logged, and ends nothing but that job.
        most: How many there may be, the one in work included.
        most_each: How many of these may be of one visitor.
    """

    def __init__(self, work: Callable[[Job], None], most: int, most_each: int | None = None) -> None:
        self.work = work
        self.most = most
        self.most_each = most if most_each is None else most_each
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name="studio", daemon=True)
        self._thread.start()

    def join(self, job: Job, instead_of: Job | None = None) -> None:
        """Put a job at the end.

        Args:
            job: It.
            instead_of: One that is about to leave, and is not counted.

        Raises:
            InputError: If there are as many as there may be.
        """
        with self._changed:
            others = [other for other in self.ahead() if other is not instead_of]
            if len(others) >= self.most:
                raise InputError(f"{self.most} songs are waiting or in work here, and more are not taken: try later")
            own = [other for other in others if job.wish.visitor and other.wish.visitor == job.wish.visitor]
            if len(own) >= self.most_each:
                raise InputError(
                    f"{self.most_each} of your songs are waiting or in work here, and more are not taken: try again "
                    "when one is done"
                )
            self._waiting.append(job)
            self._changed.notify()

    def ahead(self, job: Job | None = None) -> list[Job]:
        """The jobs before one, the one in work first; all of them unless one is given."""
        with self._changed:
            waiting = list(self._waiting)
            before = waiting[: waiting.index(job)] if job in waiting else waiting if job is None else []
            return [*([self._current] if self._current not in (None, job) else []), *before]

    def leave(self, job: Job) -> bool:
        """Take out a job that waits; whether it did."""
        with self._changed:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
            return True

    def close(self) -> None:
        """Work on no other job, and wait until the one in work ends."""
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
                self._current = job = self._waiting.popleft()
            with logged("a job"):
                self.work(job)


@contextmanager
def logged(what: str) -> Iterator[None]:
    """Log what goes wrong, and go on: a thread that ends would leave everybody waiting without a word."""
    try:
        yield
    except Exception:
        log.exception("%s ended early", what)
