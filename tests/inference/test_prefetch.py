import threading
from collections.abc import Iterator

import pytest

from bsroformer.inference.prefetch import prefetch


def threads() -> int:
    return threading.active_count()


def test_items_keep_their_order_and_the_thread_ends():
    before = threads()
    assert list(prefetch(range(50), depth=3)) == list(range(50))
    assert threads() == before


def test_at_most_the_allowed_number_of_items_is_prefetched():
    made = []
    fourth = threading.Event()

    def many() -> Iterator[int]:
        for item in range(100):
            made.append(item)
            if item == 3:
                fourth.set()
            yield item

    items = prefetch(many(), depth=2)
    assert next(items) == 0
    assert fourth.wait(timeout=60)  # one is given, two wait, and one has no room yet
    items.close()
    assert made == [0, 1, 2, 3]


def test_an_error_comes_after_the_items_before_it():
    def failing() -> Iterator[int]:
        yield 1
        raise LookupError("gone")

    items, before = prefetch(failing()), threads()
    assert next(items) == 1
    with pytest.raises(LookupError, match="gone"):
        next(items)
    assert threads() == before


def test_closing_the_prefetch_closes_its_generator():
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = threads()
    items = prefetch(prefetch(endless()))
    next(items)
    items.close()
    assert closed.is_set()
    assert threads() == before
