from pathlib import Path
from queue import Queue
from threading import Event

import pytest

from bsroformer.errors import InputError
from bsroformer.studio.job import Job, SeparationRequest
from bsroformer.studio.job_queue import JobQueue

TIMEOUT_S = 20.0


def job(name: str) -> Job:
    return Job(name, Path(), SeparationRequest(Path(name), name, "model", ("vocals",)))


class Worker:
    """Worker whose jobs end when the test releases them."""

    def __init__(self) -> None:
        self.started: Queue[Job] = Queue()
        self.may_end = Event()

    def work(self, job: Job) -> None:
        self.started.put(job)
        assert self.may_end.wait(TIMEOUT_S)


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.may_end.set()


@pytest.fixture
def queue(worker):
    """Queue for two jobs in work or waiting, and one more."""
    queue = JobQueue(worker.work, max_jobs=3)
    yield queue
    worker.may_end.set()
    queue.close()


def test_jobs_are_done_one_by_one_in_order(queue, worker):
    jobs = [job(name) for name in "abc"]
    for each in jobs:
        queue.add(each)
    assert worker.started.get(timeout=TIMEOUT_S) is jobs[0]
    assert worker.started.empty()
    assert queue.ahead(jobs[2]) == jobs[:2]
    assert queue.ahead(jobs[0]) == []
    worker.may_end.set()
    assert [worker.started.get(timeout=TIMEOUT_S) for _ in range(2)] == jobs[1:]


def test_a_full_queue_refuses_a_job(queue):
    for name in "abc":
        queue.add(job(name))
    with pytest.raises(InputError, match=r"^3 songs are in the queue, which is full; try again later"):
        queue.add(job("d"))


def test_only_a_waiting_job_can_be_removed(queue, worker):
    first, second = job("a"), job("b")
    queue.add(first)
    assert worker.started.get(timeout=TIMEOUT_S) is first
    queue.add(second)
    assert queue.remove(second)
    assert not queue.remove(second)
    assert not queue.remove(first)
    worker.may_end.set()
    queue.close()
    assert worker.started.empty()


def test_equal_jobs_are_distinguished(queue, worker):
    first, second = job("same"), job("same")
    queue.add(first)
    assert worker.started.get(timeout=TIMEOUT_S) is first
    queue.add(second)
    assert queue.ahead(second) == [first]
