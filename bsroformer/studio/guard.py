"""Refusal of requests for features that the page does not use, and of bad calls."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.studio.call_check import check_call, paths_in
from bsroformer.studio.middleware import in_time, path_of, refusal
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
"""Prefixes of Gradio's routes that the page does not use: for files on other servers, editing and monitoring."""
MAX_BODY = 100_000
"""Bytes of a request that is not an upload."""
MAX_NAME = 255
"""Bytes of a file's name."""
REMOTE = re.compile(r"\s*\w+://")
"""Start of a file's address that Gradio would fetch from another server, of any size."""


class Guard:
    """Refuses unused routes of Gradio, files on other servers, and malformed calls.

    Args:
        app: The next application.
        check: Returns the error of a call, by its path and its JSON; None if it has none.
    """

    def __init__(self, app: ASGIApp, check: Callable[[str, Any], str | None] = check_call) -> None:
        self.app = app
        self.check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        wrong = None
        if scope["type"] == "http":
            path = path_of(scope)
            if path.startswith(UNUSED):
                wrong = refusal(404, "not found")
            elif scope["method"] == "POST" and not path.startswith(UPLOAD):
                wrong, receive = await self._read(path, receive)
        await (wrong or self.app)(scope, receive, send)

    async def _read(self, path: str, receive: Receive) -> tuple[JSONResponse | None, Receive]:
        """Read and check a body; the returned `receive` lets the app read it again."""
        receive_in_time = in_time(receive, MAX_BODY)
        body = b""
        more = True
        while more:
            try:
                message = await receive_in_time()
            except asyncio.TimeoutError:
                return refusal(408, "the request did not arrive in time"), receive
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY:
                return refusal(413, f"the request is larger than {MAX_BODY} bytes"), receive
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return messages.pop() if messages else await receive()

        return self._refusal(path, body), again

    def _refusal(self, path: str, body: bytes) -> JSONResponse | None:
        """Return a refusal of a body, or None."""
        try:
            call = json.loads(body)
            files = list(paths_in(call))
        except ValueError:  # not JSON, so not a call of Gradio's API
            return None
        except RecursionError:  # at which Gradio would fail too
            return refusal(400, "the request is nested too deeply")
        if any(isinstance(file, str) and REMOTE.match(file) for file in files):
            return refusal(400, "files on other servers are not fetched; upload the song")
        if not all(_is_path(file) for file in files):
            return refusal(400, "path must be the response to an upload")
        if not _can_be_sent_back(call):
            return refusal(400, "numbers must be finite, and text UTF-8")
        wrong = self.check(path, call)
        return None if wrong is None else refusal(400, wrong)


def _can_be_sent_back(call: Any) -> bool:
    """Return whether a response can hold the values of a call."""
    try:
        json.dumps(call, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:  # of which UnicodeEncodeError is one
        return False
    return True


def _is_path(path: Any) -> bool:
    """Return whether the system accepts a path; else Gradio prints a traceback."""
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        parts = path.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return max(len(part) for part in parts) <= MAX_NAME
