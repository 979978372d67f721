from pathlib import Path
from queue import Queue
from threading import Event

import pytest

from bsroformer.errors import InputError
from bsroformer.studio.job import Job, Wish
from bsroformer.studio.line import Line

PATIENCE = 20.0


def job(name: str) -> Job:
    return Job(name, Path(), Wish(Path(name), name, "model", ("vocals",)))


class Bench:
    """Does jobs when it is told to."""

    def __init__(self) -> None:
        self.begun: Queue[Job] = Queue()
        self.may_end = Event()

    def work(self, job: Job) -> None:
        self.begun.put(job)
        assert self.may_end.wait(PATIENCE)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.may_end.set()


def test_jobs_are_done_one_at_a_time_in_the_order_they_came(bench):
    line, jobs = Line(bench.work, most=5), [job(name) for name in "abc"]
    for each in jobs:
        line.join(each)
    assert bench.begun.get(timeout=PATIENCE) is jobs[0]
    assert bench.begun.empty()
    assert line.ahead(jobs[2]) == jobs[:2]
    assert line.ahead(jobs[0]) == []
    bench.may_end.set()
    assert [bench.begun.get(timeout=PATIENCE) for _ in range(2)] == jobs[1:]
    line.close()


def test_the_line_takes_no_more_than_it_may_and_says_so(bench):
    line = Line(bench.work, most=2)
    line.join(job("a"))
    line.join(job("b"))
    with pytest.raises(InputError, match=r"^2 songs are waiting or in work"):
        line.join(job("c"))
    bench.may_end.set()
    line.close()


def test_a_job_that_waits_can_leave_and_one_in_work_cannot(bench):
    line, first, second = Line(bench.work, most=5), job("a"), job("b")
    line.join(first)
    assert bench.begun.get(timeout=PATIENCE) is first
    line.join(second)
    assert line.leave(second)
    assert not line.leave(second)
    assert not line.leave(first)
    bench.may_end.set()
    line.close()
    assert bench.begun.empty()


def test_two_jobs_that_are_alike_are_not_taken_for_each_other(bench):
    line, first, second = Line(bench.work, most=5), job("same"), job("same")
    line.join(first)
    assert bench.begun.get(timeout=PATIENCE) is first
    line.join(second)
    assert line.ahead(second) == [first]
    bench.may_end.set()
    line.close()
