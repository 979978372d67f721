import json
import shutil
from collections import namedtuple

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bsroformer.studio.guard import Guard
from bsroformer.studio.uploads import Uploads
from bsroformer.studio.workspace import Workspace

Disk = namedtuple("Disk", "total used free")


def guarded(app, folder):
    """App behind the guard, with uploads of up to 1 MB."""
    workspace = Workspace(folder / "studio", keep_seconds=60)
    return Guard(Uploads(app, megabytes=1, workspace=workspace))


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


def test_an_upload_without_its_length_is_refused(client):
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
def test_unused_routes_of_gradio_are_closed(client, path):
    assert client.get(path).status_code == 404
    assert client.post(path, content=b"").status_code == 404


@pytest.mark.parametrize("prefix", ["", "/studio"])
def test_requests_below_a_proxys_path_are_refused_too(tmp_path, prefix):
    app = Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("passed on"), methods=["GET", "POST"])])
    client = TestClient(guarded(app, tmp_path), root_path="/studio")
    assert client.get(f"{prefix}/gradio_api/proxy=http://example.org/").status_code == 404
    assert client.post(f"{prefix}/gradio_api/upload", content=b"x" * 900_000).status_code == 200
    assert client.post(f"{prefix}/gradio_api/upload", content=b"x" * 1_200_000).status_code == 413


def test_a_body_nested_too_deeply_is_refused(client):
    assert client.post("/gradio_api/queue/join", content=b"[" * 50_000).status_code == 400


@pytest.mark.parametrize("path", ["/", "/config", "/songs/abc", "/gradio_api/file=/tmp/song.wav", "/gradio_api/info"])
def test_used_routes_are_passed_on(client, path):
    assert client.get(path).status_code == 200


FILE = {"path": "/tmp/song.wav", "url": "http://127.0.0.1:7860/gradio_api/file=/tmp/song.wav"}


@pytest.mark.parametrize("path", ["http://example.org/song.wav", " https://example.org/", "ftp://example.org/"])
def test_files_on_other_servers_are_refused(client, path):
    answer = client.post("/gradio_api/queue/join", json={"data": [[{**FILE, "path": path}]], "fn_index": 2})
    assert answer.status_code == 400
    assert "upload the song" in answer.json()["error"]


@pytest.mark.parametrize("path", ["a" * 300, "a\0b", "\ud800", 5, ["a"], {"path": "a"}])
def test_an_impossible_path_is_refused(client, path):
    answer = client.post("/gradio_api/queue/join", content=json.dumps({"data": [{"path": path}]}))
    assert answer.status_code == 400
    assert answer.json()["error"] == "path must be the response to an upload"


@pytest.mark.parametrize("call", [5, {}, {"data": "x"}, {"data": []}, {"data": [FILE] * 7}])
def test_a_malformed_call_is_refused(client, call):
    answer = client.post("/gradio_api/call/separate", json=call)
    assert answer.status_code == 400
    assert "must be a" in answer.json()["error"]


@pytest.mark.parametrize("song", [5, "a.wav", [], {}, {"path": ""}, {"url": "x"}, {**FILE, "meta": 3}])
def test_a_malformed_song_is_refused(client, song):
    for address, call in (("", {"data": [song, "small", [], False, 0.5, 1]}), ("v2/", {"song": song})):
        answer = client.post(f"/gradio_api/call/{address}separate/", json=call)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("song must be")


def test_a_body_is_passed_on_unchanged(client):
    assert client.post("/gradio_api/queue/join", json={"data": [FILE, None, 0.5]}).text.endswith(" bytes")
    assert client.post("/login", content=b"username=anna").text == "13 bytes"


def test_a_body_that_is_too_long_is_refused(client):
    assert client.post("/gradio_api/queue/join", content=b"x" * 200_000).status_code == 413
