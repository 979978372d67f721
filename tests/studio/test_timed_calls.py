from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from bsroformer.studio import admission
from bsroformer.studio.admission import BusyError, TimedCalls, TooSlowError


def test_a_call_in_time_returns_or_raises():
    calls = TimedCalls(20)
    assert calls.call(lambda: 3) == 3
    with pytest.raises(TimeoutError, match="mine"):
        calls.call(lambda: raised(TimeoutError("mine")))


def raised(error):
    raise error


def test_a_late_call_is_abandoned_and_its_thread_reused(monkeypatch):
    monkeypatch.setattr(admission, "MAX_PROBES", 1)
    calls, end = TimedCalls(0.2), Event()
    with pytest.raises(TooSlowError):
        calls.call(end.wait)
    with pytest.raises(BusyError):
        calls.call(end.wait)
    end.set()
    calls._seconds = 20
    with ThreadPoolExecutor(4) as visitors:
        assert list(visitors.map(lambda number: calls.call(lambda: number), range(8))) == list(range(8))


def test_one_visitor_does_not_take_all_threads():
    calls, end = TimedCalls(0.2), Event()
    for _ in range(admission.MAX_PROBES_EACH):
        with pytest.raises(TooSlowError):
            calls.call(end.wait, "anna")
    with pytest.raises(BusyError):
        calls.call(end.wait, "anna")
    assert calls.call(lambda: 3, "ben") == 3
    end.set()
