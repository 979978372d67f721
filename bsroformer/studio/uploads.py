"""Uploads: how large, where to, and what becomes of those that end early."""

import asyncio
import logging

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.errors import InputError
from bsroformer.studio.asgi import in_time, path_of, refusal
from bsroformer.studio.limits import MEGABYTE
from bsroformer.studio.reserve import Claim, Reserve
from bsroformer.studio.shelf import Shelf

UPLOAD = "/gradio_api/upload"
FORM = 100_000
"""Bytes that a form may have besides the file that it brings."""
NO_ROOM = "the disk has no room for another song: try later, when others are deleted"

log = logging.getLogger(__name__)


class Uploads:
    """Let an upload in if there is space for it, which it claims, and delete what is left of one that fails.

    Args:
        app: The next application: Gradio, which writes the file.
        megabytes: Size of an upload: one file at a time.
        shelf: Has the folder of uploads.
        reserve: Space on its disk.
    """

    def __init__(self, app: ASGIApp, megabytes: float, shelf: Shelf, reserve: Reserve) -> None:
        self.app = app
        self.megabytes = megabytes
        self.shelf = shelf
        self.reserve = reserve
        self._in_progress = 0
        self._failed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an upload, or pass a request on."""
        is_upload = scope["type"] == "http" and scope["method"] == "POST" and path_of(scope).startswith(UPLOAD)
        if not is_upload:
            await self.app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"")
        answer = self._refusal(length)
        if answer is not None:
            await answer(scope, receive, send)
            return
        claim = self.reserve.claim(int(length))
        if claim is None:
            await refusal(507, NO_ROOM)(scope, receive, send)
            return
        with claim:
            await self._pass_on(scope, in_time(receive, int(length)), send, claim)

    def _refusal(self, length: bytes) -> JSONResponse | None:
        """What is wrong with an upload of a length, as its header states it; makes the folder it goes to."""
        if not length.isdigit():
            return refusal(411, "say how long the upload is")
        if int(length) > self.megabytes * MEGABYTE + FORM:
            return refusal(413, f"a song may have up to {self.megabytes:g} MB here, and comes alone")
        try:
            self.shelf.restore()
        except InputError as error:
            log.error("No upload can be taken in: %s", error)
            return refusal(507, NO_ROOM)
        return None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, claim: Claim) -> None:
        """Have an upload written; what ends it early is answered in a sentence, if the answer has not begun."""
        begun = False
        arrived = 0

        async def received() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            claim.note_written(arrived)
            return message

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        self._in_progress += 1
        try:
            await self.app(scope, received, sent)
        except (ClientDisconnect, asyncio.TimeoutError, OSError) as error:
            self._failed = True
            if not begun and not isinstance(error, ClientDisconnect):
                await _reason(error)(scope, receive, send)
        finally:
            self._in_progress -= 1
            self._clear()

    def _clear(self) -> None:
        """Delete partial files; while others are being written, those wait for `Shelf.sweep`."""
        if self._failed and not self._in_progress:
            self._failed = False
            self.shelf.delete_partial_uploads()


def _reason(error: Exception) -> JSONResponse:
    if isinstance(error, asyncio.TimeoutError):
        return refusal(408, "the upload did not arrive in time: try again")
    log.error("An upload could not be written: %s", error)
    return refusal(507, NO_ROOM)
