"""Work ahead in a thread, so that reading, computing and writing overlap."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
PATIENCE = 0.1  # seconds until a thread that waits looks whether it is still wanted


@dataclass(frozen=True)
class _End:
    """What follows the last item: the error that ended them, if one did."""

    error: BaseException | None = None


def ahead(items: Iterable[T], depth: int = 2) -> Generator[T]:
    """Yield the items, which a thread of its own makes while the caller is busy with earlier ones.

    The thread ends, and `items` is closed if it is a generator, as soon as this generator does: exhausted, closed, or
    by an error on either side.

    Args:
        items: What to make in the thread.
        depth: How many may be waiting.

    Raises:
        BaseException: What making the items raised, where the item would have been.
    """
    worker = _Worker(items, depth)
    worker.start()
    try:
        while not isinstance(item := worker.waiting.get(), _End):
            yield item
            del item  # while the next one is awaited, this one may be large
        if item.error is not None:
            raise item.error
    finally:
        worker.stop()


class _Worker(Thread, Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        super().__init__(daemon=True)
        self.items = items
        self.waiting: Queue[T | _End] = Queue(depth)
        self.unwanted = Event()

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
        """Wait for room; whether more is wanted."""
        while not self.unwanted.is_set():
            with suppress(Full):
                self.waiting.put(item, timeout=PATIENCE)
                return not self.unwanted.is_set()
        return False

    def stop(self) -> None:
        """End the thread, after the item that it is making."""
        self.unwanted.set()
        with suppress(Empty):
            while True:
                self.waiting.get_nowait()
        self.join()
