"""Requests that are refused before Gradio sees them."""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.studio.asgi import in_time, path_of, refusal
from bsroformer.studio.calls import wrong_call
from bsroformer.studio.uploads import UPLOAD

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
MAX_QUESTION = 100_000
"""Bytes of a request that is no upload."""
MAX_NAME = 255
"""Bytes of a file's name."""
ELSEWHERE = re.compile(r"\s*\w+://")
"""How the address of a file begins that Gradio would fetch from another server, however large it is."""


class Guard:
    """Refuse what the page does not need: unused parts of Gradio, and requests that name files on other servers.

    Args:
        app: The next application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        answer = None
        if scope["type"] == "http":
            path = path_of(scope)
            if path.startswith(UNUSED):
                answer = refusal(404, "there is nothing here")
            elif scope["method"] == "POST" and not path.startswith(UPLOAD):
                answer, receive = await _read(path, receive)
        await (answer or self.app)(scope, receive, send)


async def _read(path: str, receive: Receive) -> tuple[JSONResponse | None, Receive]:
    """Read a body; returns what is wrong with it, and how the app can read it again."""
    receive_in_time = in_time(receive, MAX_QUESTION)
    body = b""
    more = True
    while more:
        try:
            message = await receive_in_time()
        except asyncio.TimeoutError:
            return refusal(408, "the request did not arrive in time"), receive
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_QUESTION:
            return refusal(413, "that is more than a question needs"), receive
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return _refusal(path, body), again


def _refusal(path: str, body: bytes) -> JSONResponse | None:
    """What is wrong with a question: a file that it names is on another server or was not uploaded, or its form."""
    try:
        question = json.loads(body)
        paths = list(_paths(question))
    except ValueError:  # no JSON: not a question to Gradio's API
        return None
    except RecursionError:  # nor is what is nested as deep as that, but Gradio would fall over it too
        return refusal(400, "the question is nested too deep")
    if any(isinstance(named, str) and ELSEWHERE.match(named) for named in paths):
        return refusal(400, "files on other servers are not fetched: upload the song")
    if not all(_may_be_a_path(named) for named in paths):
        return refusal(400, "path must be what the upload answered")
    wrong = wrong_call(path, question)
    return None if wrong is None else refusal(400, wrong)


def _may_be_a_path(path: Any) -> bool:
    """Whether a system can be asked for a file of this name; Gradio would print a traceback otherwise."""
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        parts = path.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return max(map(len, parts)) <= MAX_NAME


def _paths(tree: Any) -> Iterator[Any]:
    """What is called ``path`` anywhere in plain data, if it is anything."""
    if isinstance(tree, dict):
        if tree.get("path") is not None:
            yield tree["path"]
        inner: Iterable[Any] = tree.values()
    else:
        inner = tree if isinstance(tree, list) else ()
    for each in inner:
        yield from _paths(each)
