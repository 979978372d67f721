import httpx
import pytest

from bsroformer.studio.middleware import EventStreams
from bsroformer.studio.unread import UNREAD_SECONDS, UnreadAnswers
from support.studio.studios import song_in, studio_in, wait_until
from support.studio.visitors import PATIENCE, opened

SESSIONS = 20


@pytest.fixture
def page(tmp_path):
    with studio_in(tmp_path) as (studio, _), opened(studio, song_in(tmp_path)) as page:
        yield page


def ask(page) -> str:
    address = f"{page.local_url}gradio_api/call/checkpoints"
    return httpx.post(address, json={"data": []}, timeout=PATIENCE).json()["event_id"]


def test_unread_answers_are_dropped_after_a_time(page):
    answers, queue = UnreadAnswers(page, EventStreams()), page._queue
    calls = [ask(page) for _ in range(SESSIONS)]
    wait_until(lambda: not queue.event_ids_to_events)
    assert answers.drop(0.0) == answers.drop(UNREAD_SECONDS - 1) == 0
    assert set(calls) <= queue.pending_event_ids_session.keys()
    assert answers.drop(UNREAD_SECONDS) == SESSIONS
    assert not queue.pending_messages_per_session
    assert not queue.pending_event_ids_session


def test_answers_that_are_read_or_computed_stay(page):
    streams, queue = EventStreams(), page._queue
    answers = UnreadAnswers(page, streams)
    read, computed = ask(page), ask(page)
    wait_until(lambda: not queue.event_ids_to_events)
    with streams.counted(read):
        queue.event_ids_to_events[computed] = None
        assert answers.drop(0.0) == answers.drop(UNREAD_SECONDS + 1) == 0
    del queue.event_ids_to_events[computed]
    assert answers.drop(1000.0) == 0
    assert answers.drop(1000.0 + UNREAD_SECONDS) == 2
