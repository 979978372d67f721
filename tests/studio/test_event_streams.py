import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bsroformer.studio.middleware import CountEventStreams, EventStreams


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
