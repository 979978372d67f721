"""What is turned away before Gradio sees it."""

import shutil
from pathlib import Path
from urllib.parse import unquote

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

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
"""Bytes that a form may have besides the file that it brings."""


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
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        path = unquote(scope["path"]).lower()
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


def _told(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)
