import io
import itertools
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

import anyio
import gradio
import httpx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bsroformer.audio.files import read
from bsroformer.studio import downloads, routes
from bsroformer.studio.downloads import mix_in, stem_in
from bsroformer.studio.job import Job
from bsroformer.studio.routes import routes_of
from support.studio.songs_on_disk import STEMS, done_song

TOKEN = "abcdefghijklmnop-_ABCDEFGHIJ0123"
SECRET = b"nobody may see this"
UNKNOWN = {"error": "Song not found, or this part of it; it may have been deleted."}


class Studio:
    """A studio with one song."""

    def __init__(self, job: Job) -> None:
        self.song = job

    def job(self, token: str) -> Job | None:
        return self.song if token == self.song.token else None

    def status(self, job: Job) -> dict[str, Any]:
        return {"token": job.token, "title": job.request.title, "state": job.state}

    def cancel(self, job: Job) -> None:
        job.cancel()

    def page_closed(self, job: Job) -> None:
        job.last_seen = -1.0


@pytest.fixture
def studio(tmp_path) -> Studio:
    """Song of three stems with two playable segments, and secret files around it."""
    folder = tmp_path / "studio" / "songs" / TOKEN
    studio = Studio(done_song(folder, title="Motörhead: “Ace/Spades” 🂡", token=TOKEN))
    (folder / "listen").mkdir()
    for n in range(2):
        for name in ("0.flac", "1.flac", "2.flac", "3.flac", "webp", "peaks"):
            (folder / "listen" / f"{n:05}.{name}").write_bytes(f"segment {n}.{name}".encode())
    for place in (folder.parents[2], folder.parents[1], folder.parent, folder, folder / "listen", folder / "stems"):
        for name in ("secret", "secret.flac", "secret.wav", "00000.4.flac", "00000.9.webp", "4.wav", "4.flac", "0.wav"):
            (place / name).write_bytes(SECRET)
    return studio


@pytest.fixture
def job(studio) -> Job:
    return studio.song


@pytest.fixture
def client(studio) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=list(routes_of(studio)))) as client:
        yield client


def test_status_is_not_cached_and_counts_as_a_visit(client, job):
    job.last_seen = 0.0
    answer = client.get(f"/songs/{TOKEN}")
    assert answer.json() == {"token": TOKEN, "title": job.request.title, "state": "done"}
    assert answer.headers["cache-control"] == "no-store"
    assert job.last_seen > 0


def test_an_empty_post_reports_a_closed_page(client, job):
    assert client.get(f"/songs/{TOKEN}/leave").status_code == 405
    assert client.post(f"/songs/{TOKEN}/leave").status_code == 204
    assert job.last_seen == -1.0
    assert not job.cancelled


def test_an_empty_post_cancels_a_song(client, job):
    assert client.get(f"/songs/{TOKEN}/cancel").status_code == 405
    assert not job.cancelled
    answer = client.post(f"/songs/{TOKEN}/cancel")
    assert (answer.status_code, answer.content) == (204, b"")
    assert job.cancelled


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("0.0.flac", "audio/flac"),
        ("1.3.flac", "audio/flac"),
        ("0.webp", "image/webp"),
        ("1.peaks", "application/octet-stream"),
    ],
)
def test_segments_are_immutable_and_count_as_a_visit(client, job, name, kind):
    job.last_seen = 0.0
    answer = client.get(f"/songs/{TOKEN}/listen/{name}")
    assert answer.text == f"segment {name}"
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "private, max-age=3600, immutable"
    assert "content-disposition" not in answer.headers
    assert job.last_seen > 0


@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
@pytest.mark.parametrize("track", [1, 3])
def test_stems_can_be_downloaded(client, job, track, format):
    answer = client.get(f"/songs/{TOKEN}/stems/{track}.{format}")
    assert answer.content == stem_in(job, track, format).read_bytes()
    assert answer.headers["content-type"] == {"wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg"}[format]
    assert name_of(answer) == f"Motörhead_ “Ace_Spades” 🂡 - {STEMS[track - 1]}.{format}"


def test_a_mix_can_be_downloaded(client, job):
    answer = client.get(f"/songs/{TOKEN}/mix.flac?levels=1,0,5e-1")
    assert answer.content == mix_in(job, (1, 0, 0.5), "flac").read_bytes()
    assert name_of(answer) == "Motörhead_ “Ace_Spades” 🂡 - mix.flac"


def test_all_stems_can_be_downloaded_in_a_zip(client, job):
    answer = client.get(f"/songs/{TOKEN}/stems.zip?format=flac")
    assert answer.headers["content-type"] == "application/zip"
    assert name_of(answer) == "Motörhead_ “Ace_Spades” 🂡 - stems.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [f"Motörhead_ “Ace_Spades” 🂡/{stem}.flac" for stem in STEMS]
        assert archive.testzip() is None


@pytest.mark.parametrize(
    "title",
    ["plain", "Ünïcode 歌", "new\r\nline: x", 'quo"te', "\udcff", "../../etc/passwd", "", "a" * 5000, "%41;é=*"],
)
def test_any_title_makes_a_name_of_a_file(client, job, title):
    job.request = type(job.request)(job.request.source, title, "demo", STEMS)
    for path in ("stems/1.wav", "mix.wav?levels=1,1,1", "stems.zip?format=wav"):
        answer = client.get(f"/songs/{TOKEN}/{path}")
        assert answer.status_code == 200
        assert re.fullmatch(r"[^/\\\r\n]{1,100} - (vocals\.wav|mix\.wav|stems\.zip)", name_of(answer))


GETS = (
    "",
    "/listen/0.1.flac",
    "/listen/0.webp",
    "/listen/0.peaks",
    "/stems/1.wav",
    "/stems/1.flac",
    "/mix.wav?levels=1,1,1",
    "/stems.zip?format=wav",
)


@pytest.mark.parametrize("path", GETS)
def test_head_returns_the_headers_of_get(client, path):
    head, get = client.head(f"/songs/{TOKEN}{path}"), client.get(f"/songs/{TOKEN}{path}")
    assert head.status_code == get.status_code == 200
    shared = {"content-type", "content-disposition", "cache-control", "etag", "x-content-type-options"}
    assert {name: head.headers.get(name) for name in shared} == {name: get.headers.get(name) for name in shared}
    assert get.headers["x-content-type-options"] == "nosniff"
    if "/" in path:
        assert head.content == b""


def test_head_of_a_zip_makes_no_zip(client, monkeypatch):
    monkeypatch.setattr(routes, "_streamed", None)
    assert client.head(f"/songs/{TOKEN}/stems.zip?format=wav").status_code == 200


@pytest.mark.parametrize("path", ["/listen/0.1.flac", "/stems/1.wav", "/stems/1.flac", "/mix.wav?levels=1,1,1"])
def test_ranges_are_supported(client, path):
    whole = client.get(f"/songs/{TOKEN}{path}").content
    answer = client.get(f"/songs/{TOKEN}{path}", headers={"Range": "bytes=3-7"})
    assert (answer.status_code, answer.content) == (206, whole[3:8])
    assert answer.headers["content-range"] == f"bytes 3-7/{len(whole)}"
    beyond = client.get(f"/songs/{TOKEN}{path}", headers={"Range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond.headers["x-content-type-options"]) == (416, "nosniff")


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("token", ["x" * 32, "x", "x" * 3000, TOKEN[:-1], TOKEN + "A", TOKEN + "%0A", "%00", "..%5C.."])
def test_wrong_tokens_all_get_the_same_response(client, path, token):
    answer = client.get(f"/songs/{token}{path}")
    assert (answer.status_code, answer.json()) == (404, UNKNOWN)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["stems/1.wav", "stems/1.flac", "mix.wav?levels=1,1,1", "stems.zip?format=wav"])
@pytest.mark.parametrize("state", ["waiting", "separating", "failed"])
def test_stems_of_an_unfinished_song_are_refused(client, job, path, state):
    job.state, job.files = state, ()
    answer = client.get(f"/songs/{TOKEN}/{path}")
    assert answer.status_code == 409
    assert re.fullmatch(r"This song .*\.", answer.json()["error"])


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("stems/1.ogg", r"must be one of wav, flac, mp3"),
        ("mix.ogg?levels=1,1,1", r"must be one of wav, flac, mp3"),
        ("mix.%E6%AD%8C?levels=1,1,1", r"must be one of wav, flac, mp3"),
        ("stems.zip?format=7z", r"must be one of wav, flac, mp3"),
        ("stems.zip?format=%FF", r"must be one of wav, flac, mp3"),
        ("stems.zip", r"must be one of wav, flac, mp3"),
        ("mix.wav", r"levels must be a list of numbers"),
        ("mix.wav?levels=", r"levels must be a list of numbers"),
        ("mix.wav?levels=1,,1", r"levels must be a list of numbers"),
        ("mix.wav?levels=1,1,nan", r"levels must be a list of numbers"),
        ("mix.wav?levels=1,1,%D9%A1", r"levels must be a list of numbers"),
        ("mix.wav?levels=" + "1," * 5000 + "1", r"levels must be a list of numbers"),
        ("mix.wav?levels=1,1", r"must have 3 numbers"),
        ("mix.wav?levels=0,0,0", r"must not all be 0"),
        ("mix.wav?levels=1,1,-1", r"gains from 0 to 4"),
        ("mix.wav?levels=1,1,1e999", r"gains from 0 to 4"),
    ],
)
def test_invalid_downloads_are_refused(client, path, error):
    answer = client.get(f"/songs/{TOKEN}/{path}")
    assert answer.status_code == 400
    assert re.search(error, answer.json()["error"])
    assert answer.headers["x-content-type-options"] == "nosniff"


NO_SEGMENTS = [
    "2.1.flac",
    "0.4.flac",
    "0.9.webp",
    "0.wav",
    "00000.1.flac",
    "00.webp",
    "-1.webp",
    "+0.webp",
    "0.-1.flac",
    "1e0.webp",
    "999999.webp",
    "%D9%A0.webp",
    "0.%D9%A1.flac",
    "0.webp%00",
    "0.webp%0A",
    "%200.webp",
    "0.webp.",
    "0.WEBP",
    "0",
    ".webp",
    "secret.flac",
    "..",
    "%2e%2e",
    "..%5Csecret",
    "..%2Fsecret",
    "%2Fetc%2Fpasswd",
    "C:%5Csecret",
    "0.1.flac%2F..%2Fsecret",
]


@pytest.mark.parametrize("name", [*NO_SEGMENTS, "1" + "0" * 5000 + ".webp", "0." + "1" * 5000 + ".flac"])
def test_segments_that_are_not_there_are_unknown(client, name):
    status, content = raw(client, "GET", f"/songs/{TOKEN}/listen/{name}")
    assert (status, SECRET in content) == (404, False)


@pytest.mark.parametrize("format", ["wav", "flac"])
@pytest.mark.parametrize("track", ["0", "4", "-1", "01", "+1", "1_0", "%D9%A1", "999999", "1" * 5000, "1%00", "", "a"])
def test_stems_that_are_not_there_are_unknown(client, track, format):
    answer = client.get(f"/songs/{TOKEN}/stems/{track}.{format}")
    assert answer.status_code == 404
    assert SECRET not in answer.content


@pytest.mark.parametrize("path", [path for path in GETS if path])
def test_deleted_files_are_not_found(client, job, path):
    for file in job.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    for ask in (client.get, client.head):
        assert ask(f"/songs/{TOKEN}{path}").status_code == 404
    assert client.get(f"/songs/{TOKEN}{path}").json() == UNKNOWN


def test_a_file_deleted_before_it_is_opened_is_not_found(client, job, monkeypatch):
    path = job.folder / "listen" / "00000.webp"
    look_up = routes.FileResponse.set_stat_headers
    monkeypatch.setattr(
        routes.FileResponse, "set_stat_headers", lambda self, stat: (path.unlink(), look_up(self, stat))
    )
    answer = client.get(f"/songs/{TOKEN}/listen/0.webp")
    assert (answer.status_code, answer.json()) == (404, UNKNOWN)
    assert answer.headers["cache-control"] == "no-store"


def test_a_full_disk_is_a_server_error_without_paths(client, job, monkeypatch):
    def full(*_):
        raise OSError(f"{job.folder} is full")

    monkeypatch.setattr(downloads, "_convert", full)
    answer = client.get(f"/songs/{TOKEN}/stems/1.flac")
    assert answer.status_code == 503
    assert str(job.folder) not in answer.text


STRANGE = (
    "..",
    ".",
    "",
    "/",
    "//",
    "\\",
    "..\\",
    "/etc/passwd",
    "\0",
    "\n",
    "%",
    "secret",
    "secret.flac",
    "songs",
    "listen",
    "stems",
    "made",
    "stems/vocals.wav",
    "upload.wav",
    "C:",
    "~",
    "١",
    "-1",
    "9" * 30,
    "0.1.flac",
    "00000.4.flac",
    "4.wav",
    "0.wav",
    "mix.wav",
    TOKEN,
    TOKEN.lower(),
)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """Addresses of path traversal, with each character escaped zero to two times."""
    pieces = draw(st.lists(st.sampled_from(STRANGE), min_size=1, max_size=4))
    tail = draw(st.sampled_from(["/", "\\", ""])).join(pieces)
    escape = draw(
        st.sampled_from([lambda text: quote(text, safe="/"), lambda text: quote(text, safe=""), _all_escaped])
    )
    tail = escape(tail)
    if draw(st.booleans()):
        tail = tail.replace("%", "%25")
    route = draw(st.sampled_from(["{}", f"{TOKEN}/{{}}", f"{TOKEN}/listen/{{}}", f"{TOKEN}/stems/{{}}"]))
    route = draw(st.sampled_from([route, route + ".flac", f"{TOKEN}/mix.{{}}?levels=1,1,1", "{}/listen/0.webp"]))
    return "/songs/" + route.format(tail)


def _all_escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=addresses(), method=st.sampled_from(["GET", "POST"]))
def test_nothing_but_the_songs_own_files_is_ever_answered(client, job, address, method):
    own = {path.read_bytes() for path in (job.folder / "listen").iterdir()} - {SECRET}
    own |= {path.read_bytes() for path in job.files}
    status, content = raw(client, method, address)
    assert SECRET not in content
    assert status < 500
    if status == 200:
        own |= {path.read_bytes() for path in (job.folder / "made").glob("*")}
        assert content in own or json.loads(content)["token"] == TOKEN


def test_such_addresses_reach_the_routes(client, studio, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(studio, "job", asked.append)
    for address in (f"/songs/{TOKEN}/listen/%2e%2e", f"/songs/{TOKEN}/stems/..", "/songs/..", "/songs/..%5csecret"):
        assert raw(client, "GET", address)[0] == 404
    assert asked == [TOKEN, TOKEN]
    monkeypatch.undo()
    assert raw(client, "GET", f"/songs/{TOKEN}/listen/%30.webp") == (200, b"segment 0.webp")


def raw(client: TestClient, method: str, address: str) -> tuple[int, bytes]:
    """Request an address unchanged (httpx would resolve its dots): status and content."""
    path, _, query = address.partition("?")
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if any(message["type"] == "http.response.body" and not message.get("more_body") for message in messages):
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}, "method": method, "headers": [], "scheme": "http"}
    scope |= {"path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": ""}
    anyio.run(client.app, scope, receive, send)
    return messages[0]["status"], b"".join(message.get("body", b"") for message in messages[1:])


def name_of(answer: httpx.Response) -> str:
    """File name that a browser reads from the headers."""
    disposition = answer.headers["content-disposition"]
    found = re.fullmatch(r"attachment; filename(?:\*=utf-8''(?P<coded>\S+)|=\"(?P<plain>[^\"]+)\")", disposition, re.I)
    assert found is not None
    return found["plain"] or unquote(found["coded"], errors="strict")


@pytest.fixture
def launched(studio, monkeypatch) -> Iterator[httpx.Client]:
    """Client of a Gradio app that requires a name and a password."""
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with gradio.Blocks() as blocks:
        gradio.Markdown("Hello")
    blocks.launch(
        prevent_thread_lock=True,
        auth=("me", "pass"),
        app_kwargs={"routes": routes_of(studio)},
        server_name="127.0.0.1",
        server_port=port,
        ssr_mode=False,
        quiet=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as visitor:
            yield visitor
    finally:
        with suppress(OSError):
            blocks.close()


def test_a_password_protects_the_routes_too(launched, job):
    for path in GETS:
        answer = launched.get(f"/songs/{TOKEN}{path}")
        assert (answer.status_code, answer.json()) == (401, {"error": "Sign in first."})
    assert launched.post(f"/songs/{TOKEN}/cancel").status_code == 401
    assert not job.cancelled
    forged = {"cookie": "access-token-x=None; access-token-unsecure-x="}
    assert launched.get(f"/songs/{TOKEN}", headers=forged).status_code == 401

    assert launched.post("/login", data={"username": "me", "password": "wrong"}).status_code == 400
    assert launched.get(f"/songs/{TOKEN}").status_code == 401
    assert launched.post("/login", data={"username": "me", "password": "pass"}).status_code == 200
    for path in GETS:
        assert launched.get(f"/songs/{TOKEN}{path}").status_code == 200
    assert launched.get(f"/songs/{'x' * 32}").json() == UNKNOWN
    whole = launched.get(f"/songs/{TOKEN}/stems/1.wav").content
    assert whole == job.files[0].read_bytes()
    part = launched.get(f"/songs/{TOKEN}/stems/1.wav", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    zipped = launched.get(f"/songs/{TOKEN}/stems.zip?format=flac").content
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert archive.testzip() is None
    assert launched.post(f"/songs/{TOKEN}/cancel", content=b"").status_code == 204
    assert job.cancelled


@pytest.mark.parametrize("user", ["me", None])
def test_an_auth_dependency_decides_who_is_signed_in(studio, user):
    with gradio.Blocks() as blocks:
        gradio.Markdown("Hello")

    async def who(request) -> str | None:
        return user

    for dependency in (who, lambda request: user):
        app = gradio.routes.App.create_app(blocks, app_kwargs={"routes": routes_of(studio)}, auth_dependency=dependency)
        assert TestClient(app).get(f"/songs/{TOKEN}").status_code == (200 if user else 401)


def test_an_app_without_accounts_needs_no_sign_in(studio):
    with gradio.Blocks() as blocks:
        gradio.Markdown("Hello")
    app = gradio.routes.App.create_app(blocks, app_kwargs={"routes": routes_of(studio)})
    assert TestClient(app).get(f"/songs/{TOKEN}").status_code == 200


def test_gradios_routes_refuse_unknown_addresses(studio):
    with gradio.Blocks() as blocks:
        gradio.Markdown("Hello")
    client = TestClient(gradio.routes.App.create_app(blocks, app_kwargs={"routes": routes_of(studio)}))
    names = (*NO_SEGMENTS, "..%2F..%2F..%2Fsecret", "%2E%2E/%2E%2E/secret", "../../../secret", "/../secret")
    prefixes = ("", f"{TOKEN}/", f"{TOKEN}/listen/", f"{TOKEN}/stems/")
    for prefix, name in itertools.product(prefixes, names):
        status, content = raw(client, "GET", f"/songs/{prefix}{name}")
        assert (status, SECRET in content) == (404, False), prefix + name


def test_a_mix_has_the_levels_of_its_balance(client, job, tmp_path):
    (tmp_path / "mix.wav").write_bytes(client.get(f"/songs/{TOKEN}/mix.wav?levels=0,2,0").content)
    torch.testing.assert_close(read(tmp_path / "mix.wav")[0], 2 * read(job.files[1])[0])
