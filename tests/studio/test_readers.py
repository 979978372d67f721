import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bsroformer.studio.readers import CountReaders, Readers


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
def test_who_reads_is_counted_as_long_as_the_answer_lasts(address, key):
    readers, during = Readers(), []

    async def answer(request):
        during.append(readers.read("abc"))
        return PlainTextResponse("events")

    app = CountReaders(Starlette(routes=[Route("/{path:path}", answer)]), readers)
    TestClient(app, root_path="/studio").get(address)
    assert during == [key is not None]
    assert not readers.read("abc")
    assert not readers.read(None)
