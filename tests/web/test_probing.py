from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from bsroformer.web import probing
from bsroformer.web.probing import TimedCalls, TooSlowError


def test_a_call_in_time_gives_its_result_or_its_error():
    calls = TimedCalls(20)
    assert calls.call(lambda: 3) == 3
    with pytest.raises(TimeoutError, match="mine"):
        calls.call(lambda: raised(TimeoutError("mine")))


def raised(error):
    raise error


def test_a_call_that_is_late_is_given_up_and_its_thread_used_again(monkeypatch):
    monkeypatch.setattr(probing, "PROBED_AT_A_TIME", 1)
    calls, end = TimedCalls(0.2), Event()
    for _ in range(2):  # the second waits for the first one's thread
        with pytest.raises(TooSlowError):
            calls.call(end.wait)
    end.set()
    calls._seconds = 20
    with ThreadPoolExecutor(4) as visitors:
        assert list(visitors.map(lambda number: calls.call(lambda: number), range(8))) == list(range(8))
