from concurrent.futures import ThreadPoolExecutor

import pytest
from studios import finished, song_in, studio_in, wait_until, wish_of

from bsroformer.errors import InputError
from bsroformer.studio.job import FINISHED
from bsroformer.studio.visits import Visits


@pytest.fixture
def song(tmp_path):
    return song_in(tmp_path)


@pytest.fixture
def visits(song, tmp_path):
    """Of a studio that works on a song of somebody else's."""
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        other = studio.submit(wish_of(song))
        wait_until(lambda: other.state == "separating")
        yield Visits(studio)
        model.open.set()
        assert finished(other).state == "done"


def test_of_songs_that_a_page_sends_at_once_one_is_left(song, visits):
    with ThreadPoolExecutor(8) as hands:
        jobs = list(hands.map(lambda _: visits.submit("page", wish_of(song), None), range(8)))
    [left] = [job for job in jobs if job.state not in FINISHED]
    assert visits.submit("page", wish_of(song), None).state == "waiting"
    assert (left.state, left.message) == ("cancelled", "Another song took its place.")


def test_pages_have_songs_of_their_own(song, visits):
    jobs = [visits.submit(page, wish_of(song), None) for page in ("one", "other", None, None)]
    assert [job.state for job in jobs] == ["waiting"] * 4


def test_a_page_that_was_loaded_again_tells_which_song_it_has(song, visits):
    first = visits.submit("page", wish_of(song), None)
    second = visits.submit("the same, loaded again", wish_of(song), first.token)
    assert (first.state, second.state) == ("cancelled", "waiting")
    visits.submit("the same, loaded again", wish_of(song), first.token)
    assert second.state == "cancelled"


@pytest.mark.parametrize("shown", ["gone", ["a"], {"a": 1}, 3])
def test_a_token_of_a_song_that_is_gone_does_no_harm(song, visits, shown):
    assert visits.submit("page", wish_of(song), shown).state == "waiting"


def test_a_song_that_is_refused_takes_no_place(song, visits):
    first = visits.submit("page", wish_of(song), None)
    with pytest.raises(InputError, match=r"^choose one or more"):
        visits.submit("page", wish_of(song, stems=()), first.token)
    assert first.state == "waiting"
