from threading import Event, Lock, Thread

import pytest

from bsroformer.evaluation.scorers import Scorers


def test_every_job_is_done_when_the_pool_is_left():
    done = []
    with Scorers(2) as scorers:
        for number in range(20):
            scorers.submit(lambda number=number: done.append(number))
    assert sorted(done) == list(range(20))


def test_no_more_jobs_are_accepted_than_are_worked_on_and_one():
    go, begun, accepted, lock = Event(), [], [], Lock()

    def job():
        with lock:
            begun.append(1)
        go.wait(10)

    with Scorers(2) as scorers:

        def submit():
            for number in range(5):
                scorers.submit(job)
                accepted.append(number)

        submitting = Thread(target=submit)
        submitting.start()
        submitting.join(0.3)
        at_rest = len(accepted)
        go.set()
        submitting.join(10)
    assert at_rest == 3
    assert len(begun) == len(accepted) == 5


def test_what_a_job_raises_is_raised_to_whoever_submits_or_leaves():
    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), Scorers(1) as scorers:
        scorers.submit(fail)
    with pytest.raises(ValueError, match="broken"), Scorers(1) as scorers:
        for _ in range(100):
            scorers.submit(fail)


def test_jobs_that_wait_are_dropped_when_the_caller_fails():
    go, done = Event(), []

    def job():
        go.wait(10)
        done.append(1)

    with pytest.raises(KeyboardInterrupt), Scorers(1) as scorers:
        scorers.submit(job)
        scorers.submit(job)
        go.set()
        raise KeyboardInterrupt
    assert len(done) <= 2
