import time

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bsroformer.studio.middleware import MAX_ATTEMPTS, CountEventStreams, EventStreams, SlowSignIns

PAUSE = 0.3


@pytest.fixture
def app():
    async def login(request):
        return Response(status_code=200 if await request.body() == b"right" else 400)

    return SlowSignIns(Starlette(routes=[Route("/{path:path}", login, methods=["GET", "POST"])]), PAUSE)


def seconds_of(client, *attempts):
    start = time.monotonic()
    for attempt in attempts:
        client.post("/login", content=attempt)
    return time.monotonic() - start


@pytest.mark.parametrize("address", ["/login", "/login/", "/LOGIN", "/%6cogin"])
def test_an_attempt_after_a_wrong_password_has_to_wait(app, address):
    client = TestClient(app)
    start = time.monotonic()
    assert client.post(address, content=b"wrong").status_code == 400
    assert client.post("/login", content=b"right").status_code == 200
    assert time.monotonic() - start >= PAUSE


def test_the_right_password_and_other_requests_are_not_slowed(app):
    client = TestClient(app)
    assert seconds_of(client, b"right", b"right") < PAUSE
    start = time.monotonic()
    assert client.post("/gradio_api/queue/join", content=b"wrong").status_code == 400
    assert time.monotonic() - start < PAUSE


def test_attempts_beyond_a_few_that_wait_are_refused(app):
    app._attempts["testclient"] = MAX_ATTEMPTS
    assert TestClient(app).post("/login", content=b"right").status_code == 429
    assert TestClient(app, client=("10.0.0.1", 1)).post("/login", content=b"right").status_code == 200


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("/gradio_api/queue/data?session_hash=abc", "abc"),
        ("/gradio_api/call/separate/abc", "abc"),
        ("/gradio_api/call/v2/separate/abc/", "abc"),
        ("/studio/gradio_api/queue/data?session_hash=abc", "abc"),
        ("/gradio_api/queue/data", None),
        ("/gradio_api/upload", None),
    ],
)
def test_streams_count_while_they_are_open(address, key):
    streams, during = EventStreams(), []

    async def answer(request):
        during.append(streams.is_open("abc"))
        return PlainTextResponse("events")

    app = CountEventStreams(Starlette(routes=[Route("/{path:path}", answer)]), streams)
    TestClient(app, root_path="/studio").get(address)
    assert during == [key is not None]
    assert not streams.is_open("abc")
    assert not streams.is_open(None)
