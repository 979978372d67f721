import json
import shutil
from collections import namedtuple

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bsroformer.studio.guard import Guard
from bsroformer.studio.reserve import Reserve
from bsroformer.studio.shelf import Shelf
from bsroformer.studio.uploads import Uploads

Disk = namedtuple("Disk", "total used free")


def guarded(app, folder):
    """An app behind what lets requests in, with uploads of up to 1 MB."""
    shelf = Shelf(folder / "studio", keep_seconds=60)
    return Guard(Uploads(app, megabytes=1, shelf=shelf, reserve=Reserve(shelf.songs)))


@pytest.fixture
def client(tmp_path):
    async def passed_on(request):
        return PlainTextResponse(f"{len(await request.body())} bytes")

    app = Starlette(routes=[Route("/{path:path}", passed_on, methods=["GET", "POST"])])
    return TestClient(guarded(app, tmp_path))


def test_an_upload_within_the_limit_is_passed_on(client):
    assert client.post("/gradio_api/upload", content=b"x" * 900_000).text == "900000 bytes"


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(client):
    answer = client.post("/gradio_api/upload", content=b"x" * 1_200_000)
    assert answer.status_code == 413
    assert "up to 1 MB" in answer.json()["error"]


def test_an_upload_that_does_not_say_its_length_is_refused(client):
    assert client.post("/gradio_api/upload", content=iter([b"x"])).status_code == 411


def test_an_upload_that_would_fill_the_disk_is_refused(client, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Disk(10**9, 10**9, 500_000_000))
    assert client.post("/gradio_api/upload", content=b"x").status_code == 507


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=http://example.org/",
        "/gradio_api/file=http://example.org/",
        "/gradio_api/file=HTTPS://example.org/",
        "/gradio_api/file%3Dhttp://example.org/",
        "/gradio_api/%70roxy=http://example.org/",
        "/gradio_api/vibe-code",
        "/gradio_api/run-history/connect",
        "/monitoring/summary",
    ],
)
def test_what_the_page_does_not_need_is_not_there(client, path):
    assert client.get(path).status_code == 404
    assert client.post(path, content=b"").status_code == 404


@pytest.mark.parametrize("prefix", ["", "/studio"])
def test_below_a_proxys_path_the_same_holds_whether_it_is_left_on_or_not(tmp_path, prefix):
    app = Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("passed on"), methods=["GET", "POST"])])
    client = TestClient(guarded(app, tmp_path), root_path="/studio")
    assert client.get(f"{prefix}/gradio_api/proxy=http://example.org/").status_code == 404
    assert client.post(f"{prefix}/gradio_api/upload", content=b"x" * 900_000).status_code == 200
    assert client.post(f"{prefix}/gradio_api/upload", content=b"x" * 1_200_000).status_code == 413


def test_what_is_nested_too_deep_to_be_read_is_refused(client):
    assert client.post("/gradio_api/queue/join", content=b"[" * 50_000).status_code == 400


@pytest.mark.parametrize("path", ["/", "/config", "/songs/abc", "/gradio_api/file=/tmp/song.wav", "/gradio_api/info"])
def test_what_the_page_needs_is_passed_on(client, path):
    assert client.get(path).status_code == 200


FILE = {"path": "/tmp/song.wav", "url": "http://127.0.0.1:7860/gradio_api/file=/tmp/song.wav"}


@pytest.mark.parametrize("path", ["http://example.org/song.wav", " https://example.org/", "ftp://example.org/"])
def test_gradio_is_not_sent_to_fetch_a_file_elsewhere(client, path):
    answer = client.post("/gradio_api/queue/join", json={"data": [[{**FILE, "path": path}]], "fn_index": 2})
    assert answer.status_code == 400
    assert "upload the song" in answer.json()["error"]


@pytest.mark.parametrize("path", ["a" * 300, "a\0b", "\ud800", 5, ["a"], {"path": "a"}])
def test_a_path_that_no_file_can_have_is_refused(client, path):
    answer = client.post("/gradio_api/queue/join", content=json.dumps({"data": [{"path": path}]}))
    assert answer.status_code == 400
    assert answer.json()["error"] == "path must be what the upload answered"


@pytest.mark.parametrize("call", [5, {}, {"data": "x"}, {"data": []}, {"data": [FILE] * 7}])
def test_a_call_of_another_form_is_refused_in_a_sentence(client, call):
    answer = client.post("/gradio_api/call/separate", json=call)
    assert answer.status_code == 400
    assert "must be a" in answer.json()["error"]


@pytest.mark.parametrize("song", [5, "a.wav", [], {}, {"path": ""}, {"url": "x"}, {**FILE, "meta": 3}])
def test_a_song_that_is_none_is_refused_in_a_sentence(client, song):
    for address, call in (("", {"data": [song, "small", [], False, 0.5, 1]}), ("v2/", {"song": song})):
        answer = client.post(f"/gradio_api/call/{address}separate/", json=call)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("song must be")


def test_a_question_is_passed_on_as_it_was(client):
    assert client.post("/gradio_api/queue/join", json={"data": [FILE, None, 0.5]}).text.endswith(" bytes")
    assert client.post("/login", content=b"username=anna").text == "13 bytes"


def test_a_question_longer_than_any_is_refused(client):
    assert client.post("/gradio_api/queue/join", content=b"x" * 200_000).status_code == 413
