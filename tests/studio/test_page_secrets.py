"""No route of the running app serves a file that is not the visitor's own."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import gradio as gr
import httpx
import pytest
from starlette.routing import Mount

from bsroformer.studio.studio import Studio
from support.studio.studios import finished, request_for, song_in, studio_in
from support.studio.visitors import opened

SECRET = "nobody may see this"
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
MARKS = (SECRET.encode(), b"root:x:0:0", b'name = "bsroformer"')
"""Content of files that no visitor may read."""
ENDLESS = "text/event-stream"


class Running(NamedTuple):
    """A page with a finished song.

    Attributes:
        studio: Its studio.
        page: Gradio's.
        secrets: Files that no visitor may read: text, a checkpoint, a song.
    """

    studio: Studio
    page: gr.Blocks
    secrets: list[Path]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("elsewhere")
    with studio_in(folder) as (studio, _), opened(studio) as page:
        for place in (folder, folder / "studio"):
            (place / "secret.wav").write_text(SECRET)
        (folder / "small.ckpt").write_text(SECRET)
        finished(studio.submit(request_for(song_in(folder, 1))))
        secrets = [folder / name for name in ("secret.wav", "studio/secret.wav", "small.ckpt", "A song.wav")]
        yield Running(studio, page, [*secrets, PROJECT, Path("/etc/passwd")])


def routes(some: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Path and methods of all routes, those of routers in routers too."""
    for route in some:
        inner = getattr(route, "original_router", route)
        path = prefix + getattr(route, "path", "")
        if nested := getattr(inner, "routes", None):
            yield from routes(nested, path)
        elif isinstance(route, Mount):
            yield f"{path}/{{path:path}}", {"GET", "HEAD"}
        elif hasattr(route, "path"):
            yield path, set(route.methods or {"GET"})


def attacks(secrets: Sequence[Path]) -> list[str]:
    """Values of a path parameter that could lead to a file."""
    absolute = [str(secret) for secret in secrets]
    climbing = ["/".join([".."] * 12) + path for path in absolute]
    others = [absolute[0] + "\0", absolute[0] + "\0.flac", ".", "..", "~/secret.wav", "http://127.0.0.1:9/secret.wav"]
    others += ["file://" + absolute[0], "../secret.wav", "../../secret.wav", "songs/../../secret.wav"]
    backslashes = climbing[0].replace("/", "\\")
    texts = [*absolute, *climbing, *others, backslashes]
    once = [quote(text) for text in texts] + [quote(text, safe="") for text in texts]
    dots = [quote(text).replace(".", "%2e") for text in climbing]
    return list(dict.fromkeys([*once, *dots, *map(quote, once[len(texts) :])]))


def addresses(path: str, tries: Sequence[str]) -> Iterator[str]:
    """Addresses of a route, each with an attack in one parameter."""
    for found in re.finditer(r"\{[^}]+\}", path):
        before, after = path[: found.start()], path[found.end() :]
        for attempt in tries:
            yield re.sub(r"\{[^}]+\}", "0", before) + attempt + re.sub(r"\{[^}]+\}", "0", after)


class Attacker:
    """Client that sends addresses unchanged; httpx would resolve their dots."""

    def __init__(self, address: str) -> None:
        self._place = urlsplit(address).netloc
        self._connection = HTTPConnection(self._place, timeout=30)

    def ask(self, method: str, address: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return the status, and head and body in one."""
        try:
            answer = self._answer(method, address, body)
        except (HTTPException, ConnectionError):  # the server closes connections after an error
            self._connection.close()
            answer = self._answer(method, address, body)
        head = str(answer.headers).encode()
        if answer.headers.get_content_type() == ENDLESS:
            self._connection.close()
            return answer.status, head
        return answer.status, head + answer.read()

    def _answer(self, method: str, address: str, body: bytes | None) -> HTTPResponse:
        self._connection.request(method, address, body, {"Content-Type": "application/json"})
        return self._connection.getresponse()


def test_no_route_serves_a_foreign_file(running: Running) -> None:
    known = [(path, methods) for path, methods in routes(running.page.app.routes) if "{" in path]
    assert {"/songs/{token}/stems/{name}", "/gradio_api/file={path_or_url:path}", "/assets/{path:path}"} <= {
        path for path, _ in known
    }
    attacker, tries = Attacker(running.page.local_url), attacks(running.secrets)
    body = json.dumps(question(running.secrets[0])).encode()
    for path, methods in known:
        for method, address in itertools.product(methods, addresses(path, tries)):
            status, answer = attacker.ask(method, address, body if method == "POST" else None)
            assert not any(mark in answer for mark in MARKS), f"{method} {address}"
            assert status < 500 or not path.startswith("/songs"), f"{method} {address}"


def test_gradio_serves_files_of_the_studio_only(running: Running) -> None:
    """Control: the same address serves a file that the visitor may read."""
    [job] = running.studio._jobs.values()
    status, answer = Attacker(running.page.local_url).ask("GET", f"/gradio_api/file={quote(str(job.files[0]))}")
    assert status == 200
    assert job.files[0].read_bytes() in answer


def question(path: Path | str, **more: Any) -> dict[str, Any]:
    """Ask for the separation of a file."""
    song = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    return {"data": [song, "small", ["vocals"], False, 0.5, 1], "session_hash": "a-session", **more}


def test_only_uploaded_files_are_separated(running: Running) -> None:
    climbing = running.studio.workspace.uploads / ".." / ".." / "A song.wav"
    with httpx.Client(base_url=running.page.local_url, timeout=60) as client:
        for path in [f"file://{running.secrets[3]}", *running.secrets, climbing]:
            answer = client.post("/gradio_api/call/separate", json=question(path))
            assert answer.status_code == 400
            assert not any(mark.decode() in answer.text for mark in MARKS)
    assert len(running.studio._jobs) == 1


def test_the_events_of_the_page_take_no_other_file_either(running: Running) -> None:
    song = {"path": str(running.secrets[3]), "meta": {"_type": "gradio.FileData"}}
    settings = ["small", ["vocals"], False, 0.5, 1, None]
    with httpx.Client(base_url=running.page.local_url, timeout=60) as client:
        for number, data in enumerate(([song, None, *settings], [None, song, *settings])):
            asked = {"data": data, "fn_index": 0, "session_hash": f"session{number}"}
            for path in ("/gradio_api/queue/join", "/gradio_api/run/predict"):
                assert client.post(path, json=asked).status_code == 400
    assert len(running.studio._jobs) == 1
