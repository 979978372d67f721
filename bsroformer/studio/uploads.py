"""Uploads: each reserves its disk space, and is deleted if it ends early."""

import asyncio
import logging

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.errors import InputError
from bsroformer.studio.limits import MEGABYTE
from bsroformer.studio.middleware import in_time, path_of, refusal
from bsroformer.studio.workspace import Reservation, Workspace

UPLOAD = "/gradio_api/upload"
FORM_BYTES = 100_000
"""Bytes that a form may have besides its file."""
DISK_FULL = "the disk is too full for another song; try again later"

log = logging.getLogger(__name__)


class Uploads:
    """Admits uploads if there is disk space, and deletes the files of failed ones.

    Gradio, the next application, writes the file. An upload of up to `megabytes` may contain one file.
    """

    def __init__(self, app: ASGIApp, megabytes: float, workspace: Workspace) -> None:
        self.app = app
        self.megabytes = megabytes
        self.workspace = workspace
        self._in_progress = 0
        self._failed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an upload, or pass another request on."""
        is_upload = scope["type"] == "http" and scope["method"] == "POST" and path_of(scope).startswith(UPLOAD)
        if not is_upload:
            await self.app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"")
        wrong = self._check(length)
        if wrong is not None:
            await wrong(scope, receive, send)
            return
        with self.workspace.disk.reserved(int(length)) as reservation:
            if reservation is None:
                await refusal(507, DISK_FULL)(scope, receive, send)
            else:
                await self._write(scope, in_time(receive, int(length)), send, reservation)

    def _check(self, length: bytes) -> JSONResponse | None:
        """Check the header's length of an upload, and create the folder for it."""
        if not length.isdigit():
            return refusal(411, "the header Content-Length is missing")
        if int(length) > self.megabytes * MEGABYTE + FORM_BYTES:
            return refusal(413, f"the upload is too large; upload one file of up to {self.megabytes:g} MB")
        try:
            self.workspace.restore()
        except InputError as error:
            log.error("Uploads are impossible: %s", error)
            return refusal(507, DISK_FULL)
        return None

    async def _write(self, scope: Scope, receive: Receive, send: Send, reservation: Reservation) -> None:
        """Have Gradio write an upload, and report an early end if that is possible."""
        started = False
        arrived = 0

        async def received() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            reservation.note_written(arrived)
            return message

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        self._in_progress += 1
        try:
            await self.app(scope, received, sent)
        except (ClientDisconnect, asyncio.TimeoutError, OSError) as error:
            self._failed = True
            if not started and not isinstance(error, ClientDisconnect):
                await _failure(error)(scope, receive, send)
        finally:
            self._in_progress -= 1
            self._delete_partial()

    def _delete_partial(self) -> None:
        """Delete partial files, unless others are being written."""
        if self._failed and not self._in_progress:
            self._failed = False
            self.workspace.delete_partial_uploads()


def _failure(error: Exception) -> JSONResponse:
    if isinstance(error, asyncio.TimeoutError):
        return refusal(408, "the upload did not arrive in time; try again")
    log.error("An upload could not be written: %s", error)
    return refusal(507, DISK_FULL)
