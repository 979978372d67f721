from threading import Event, Lock, Thread

import pytest

from bsroformer.evaluation.scoring_pool import ScoringPool


def test_every_job_is_done_when_the_pool_is_left():
    done = []
    with ScoringPool(2) as scorers:
        for number in range(20):
            scorers.submit([lambda number=number: done.append(number)] * 2)
    assert sorted(done) == sorted([*range(20), *range(20)])


@pytest.mark.parametrize("jobs_of_a_song", [1, 3])
def test_no_more_songs_are_accepted_than_are_worked_on_and_one(jobs_of_a_song):
    go, begun, accepted, lock = Event(), [], [], Lock()

    def job():
        with lock:
            begun.append(1)
        go.wait(10)

    with ScoringPool(2) as scorers:

        def submit():
            for number in range(5):
                scorers.submit([job] * jobs_of_a_song)
                accepted.append(number)

        submitting = Thread(target=submit)
        submitting.start()
        submitting.join(0.3)
        at_rest = len(accepted)
        go.set()
        submitting.join(10)
    assert at_rest == 3
    assert len(accepted) == 5
    assert len(begun) == 5 * jobs_of_a_song


def test_the_error_of_a_job_is_raised_on_submit_and_exit():
    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), ScoringPool(1) as scorers:
        scorers.submit([fail])
    with pytest.raises(ValueError, match="broken"), ScoringPool(1) as scorers:
        for _ in range(100):
            scorers.submit([fail])


def test_an_error_of_the_caller_stops_and_awaits_the_jobs():
    begun, stopped = Event(), []
    with pytest.raises(KeyboardInterrupt), ScoringPool(1) as scorers:

        def job():
            begun.set()
            stopped.append(scorers.stopped.wait(10))

        scorers.submit([job, job, job])
        begun.wait(10)
        raise KeyboardInterrupt
    assert stopped == [True] * 3
