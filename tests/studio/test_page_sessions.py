from concurrent.futures import ThreadPoolExecutor

import pytest

from bsroformer.errors import InputError
from bsroformer.studio.job import FINISHED
from bsroformer.studio.job_queue import PageSessions
from support.studio.studios import finished, request_for, song_in, studio_in, wait_until


@pytest.fixture
def song(tmp_path):
    return song_in(tmp_path)


@pytest.fixture
def sessions(song, tmp_path):
    """Sessions of a studio that separates another visitor's song."""
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        other = studio.submit(request_for(song))
        wait_until(lambda: other.state == "separating")
        yield PageSessions(studio.submit, studio.job)
        model.open.set()
        assert finished(other).state == "done"


def test_simultaneous_songs_of_a_page_leave_one(song, sessions):
    with ThreadPoolExecutor(8) as hands:
        jobs = list(hands.map(lambda _: sessions.submit("page", request_for(song), None), range(8)))
    [left] = [job for job in jobs if job.state not in FINISHED]
    assert sessions.submit("page", request_for(song), None).state == "waiting"
    assert (left.state, left.message) == ("cancelled", "Replaced by another song.")


def test_pages_have_songs_of_their_own(song, sessions):
    jobs = [sessions.submit(page, request_for(song), None) for page in ("one", "other", None, None)]
    assert [job.state for job in jobs] == ["waiting"] * 4


def test_a_reloaded_page_replaces_its_song(song, sessions):
    first = sessions.submit("page", request_for(song), None)
    second = sessions.submit("the same, loaded again", request_for(song), first.token)
    assert (first.state, second.state) == ("cancelled", "waiting")
    sessions.submit("the same, loaded again", request_for(song), first.token)
    assert second.state == "cancelled"


@pytest.mark.parametrize("shown", ["gone", ["a"], {"a": 1}, 3])
def test_an_unknown_token_is_ignored(song, sessions, shown):
    assert sessions.submit("page", request_for(song), shown).state == "waiting"


def test_a_refused_song_replaces_nothing(song, sessions):
    first = sessions.submit("page", request_for(song), None)
    with pytest.raises(InputError, match=r"^choose one or more"):
        sessions.submit("page", request_for(song, stems=()), first.token)
    assert first.state == "waiting"
