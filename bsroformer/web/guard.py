"""What is turned away before Gradio sees it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.web.limits import KEPT_FREE, MEGABYTE

UPLOAD = "/gradio_api/upload"
UNUSED = (
    "/gradio_api/proxy=",
    "/gradio_api/file=http",
    "/gradio_api/file/http",
    "/gradio_api/process_recording",
    "/gradio_api/deep_link",
    "/gradio_api/vibe",
    "/gradio_api/undo-vibe",
    "/gradio_api/runs",
    "/gradio_api/run-history",
    "/gradio_api/profiling",
    "/monitoring",
)
"""How addresses begin of what Gradio can do and this page does not: fetch from other servers, be edited or watched."""
FORM = 100_000
"""Bytes that a form may have besides the file that it brings, and that a question may have."""
ELSEWHERE = re.compile(r"\s*\w+://")
"""How the address of a file begins that Gradio would fetch from another server, however large it is."""


class Guard:
    """Lets through what the page needs.

    Args:
        app: Gradio's.
        megabytes: Size of an upload: one file at a time.
        place: The folder of uploads.
    """

    def __init__(self, app: ASGIApp, megabytes: float, place: Path) -> None:
        self.app, self.megabytes, self.place = app, megabytes, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        refusal = None
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is None and scope["method"] == "POST" and not _path(scope).startswith(UPLOAD):
                refusal, receive = await _read(receive)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        path = _path(scope)
        if path.startswith(UNUSED):
            return _told(404, "there is nothing here")
        if not path.startswith(UPLOAD) or scope["method"] != "POST":
            return None
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not length.isdigit():
            return _told(411, "say how long the upload is")
        if int(length) > self.megabytes * MEGABYTE + FORM:
            return _told(413, f"a song may have up to {self.megabytes:g} MB here, and comes alone")
        if shutil.disk_usage(self.place).free - int(length) < KEPT_FREE:
            return _told(507, "the disk has no room for another song: try later, when others are deleted")
        return None


def _path(scope: Scope) -> str:
    """The path below the one at which a proxy shows the page, which may have left that on or not."""
    path, below = unquote(scope["path"]).lower(), scope.get("root_path", "").rstrip("/").lower()
    return path.removeprefix(below) if path.startswith(f"{below}/") else path


async def _read(receive: Receive) -> tuple[JSONResponse | None, Receive]:
    """Read what is sent; returns what is wrong with it, and how the app can read it again."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
        if len(body) > FORM:
            return _told(413, "that is more than a question needs"), receive
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    refused = _told(400, "files on other servers are not fetched: upload the song") if _fetches(body) else None
    return refused, again


def _fetches(body: bytes) -> bool:
    """Whether a question names a file on another server, or hides what it names."""
    try:
        return any(ELSEWHERE.match(path) for path in _paths(json.loads(body)))
    except ValueError:  # no JSON: not a question to Gradio's API
        return False
    except RecursionError:  # nor is what is nested as deep as that, but Gradio would fall over it too
        return True


def _paths(tree: Any) -> Iterator[str]:
    """What is called ``path`` anywhere in plain data."""
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    if isinstance(tree, dict) and isinstance(tree.get("path"), str):
        yield tree["path"]
    for each in inner:
        yield from _paths(each)


def _told(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)
