import time

import pytest
import torch

from benchmarks import measure
from benchmarks.measure import operator_calls, paired_seconds

CPU = torch.device("cpu")


def test_operators_are_counted_where_they_call_no_other():
    x = torch.ones(3)
    assert operator_calls(lambda: x.sin().cos()) == {"sin": 1, "cos": 1}


def test_an_operator_that_calls_others_counts_as_those():
    x = torch.ones(3)
    calls = operator_calls(lambda: x.to(torch.float64))
    assert "to" not in calls and "_to_copy" not in calls
    assert calls["copy_"] == 1


def test_the_backward_pass_is_counted_too():
    x = torch.ones(3, requires_grad=True)
    assert operator_calls(lambda: x.tanh().sum().backward())["tanh_backward"] == 1


def test_counting_says_nothing(capfd):
    operator_calls(lambda: torch.ones(3))
    assert capfd.readouterr() == ("", "")


def test_two_calls_are_timed_in_turn_after_one_of_each():
    calls = []
    paired_seconds(lambda: calls.append("a"), lambda: calls.append("b"), 3, CPU)
    assert calls == ["a", "b"] * 4


def test_the_ratio_is_the_median_of_pairs_and_not_of_times(monkeypatch):
    drifting = iter([9, 9, 1, 2, 10, 20, 3, 9])  # the first pair does not count; the machine slows down and recovers
    monkeypatch.setattr(measure, "seconds", lambda call, device: next(drifting))
    assert paired_seconds(print, print, 3, CPU) == (3, 9, 2)


def test_seconds_are_seconds():
    assert measure.seconds(lambda: time.sleep(0.02), CPU) == pytest.approx(0.02, abs=0.015)
