"""Prefetching in a thread, so that reading, computing and writing overlap."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
STOP_POLL_S = 0.1
"""Seconds after which a waiting thread checks whether it has been stopped."""


@dataclass(frozen=True)
class _End:
    """The entry after the last item, with the error that ended the items."""

    error: BaseException | None = None


def prefetch(items: Iterable[T], depth: int = 2) -> Generator[T]:
    """Yield items that a thread computes while the caller is busy with earlier ones.

    The thread ends, and `items` is closed if it is a generator, when this generator does: exhausted, closed, or by an
    error on either side.

    Args:
        items: Items to compute in the thread.
        depth: Number of items that may be waiting.

    Raises:
        BaseException: The error that computing an item raised, at its position.
    """
    worker = _Worker(items, depth)
    worker.start()
    try:
        while True:
            item = worker.queue.get()
            if isinstance(item, _End):
                break
            yield item
            del item  # may be large, and get() waits for the next one
        if item.error is not None:
            raise item.error
    finally:
        worker.stop()


class _Worker(Thread, Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        super().__init__(daemon=True)
        self.items = items
        self.queue: Queue[T | _End] = Queue(depth)
        self.stopped = Event()

    def run(self) -> None:
        end = _End()
        try:
            for item in self.items:
                if not self._put(item):
                    break
                del item
        except BaseException as error:
            end = _End(error)
        finally:
            if isinstance(self.items, Generator):
                self.items.close()
            self._put(end)

    def _put(self, item: T | _End) -> bool:
        """Put an item into the queue; return False once stopped."""
        while not self.stopped.is_set():
            with suppress(Full):
                self.queue.put(item, timeout=STOP_POLL_S)
                return not self.stopped.is_set()
        return False

    def stop(self) -> None:
        """End the thread after its current item."""
        self.stopped.set()
        with suppress(Empty):
            while True:
                self.queue.get_nowait()
        self.join()
