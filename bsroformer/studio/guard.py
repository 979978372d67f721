"""Requests that are refused before Gradio sees them."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.studio.asgi import in_time, path_of, refusal
from bsroformer.studio.calls import paths_in, wrong_call
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
        wrong: Finds what is wrong with the form of a call, by its path and its JSON.
    """

    def __init__(self, app: ASGIApp, wrong: Callable[[str, Any], str | None] = wrong_call) -> None:
        self.app, self.wrong = app, wrong

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        answer = None
        if scope["type"] == "http":
            path = path_of(scope)
            if path.startswith(UNUSED):
                answer = refusal(404, "there is nothing here")
            elif scope["method"] == "POST" and not path.startswith(UPLOAD):
                answer, receive = await self._read(path, receive)
        await (answer or self.app)(scope, receive, send)

    async def _read(self, path: str, receive: Receive) -> tuple[JSONResponse | None, Receive]:
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

        return _refusal(path, body, self.wrong), again


def _refusal(path: str, body: bytes, wrong: Callable[[str, Any], str | None]) -> JSONResponse | None:
    """What is wrong with a question: a file that it names is on another server or was not uploaded, or its form."""
    try:
        question = json.loads(body)
        paths = list(paths_in(question))
    except ValueError:  # no JSON: not a question to Gradio's API
        return None
    except RecursionError:  # nor is what is nested as deep as that, but Gradio would fall over it too
        return refusal(400, "the question is nested too deep")
    if any(isinstance(named, str) and ELSEWHERE.match(named) for named in paths):
        return refusal(400, "files on other servers are not fetched: upload the song")
    if not all(_may_be_a_path(named) for named in paths):
        return refusal(400, "path must be what the upload answered")
    fault = wrong(path, question) if _may_be_answered(question) else "numbers must be finite, and text UTF-8"
    return None if fault is None else refusal(400, fault)


def _may_be_answered(question: Any) -> bool:
    """Check that plain data can be written again; what is wrong with a question is answered with its values."""
    try:
        json.dumps(question, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:  # of which UnicodeEncodeError is one
        return False
    return True


def _may_be_a_path(path: Any) -> bool:
    """Whether a system can be asked for a file of this name; Gradio would print a traceback otherwise."""
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        parts = path.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return max(map(len, parts)) <= MAX_NAME
