"""Routes of the player: status, segments and downloads of a song.

An address is checked by pattern before anything touches the disk, and no part of it becomes part of a path: tracks and
segments go by number.
"""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from bsroformer.audio.formats import DOWNLOADED, FORMATS
from bsroformer.errors import InputError
from bsroformer.file_names import safe_name
from bsroformer.studio.cleanup import TOKEN
from bsroformer.studio.downloads import NotCreatedError, NotDoneError, mix_in, stem_in, zip_of
from bsroformer.studio.job import Job
from bsroformer.studio.middleware import signed_in
from bsroformer.studio.studio import Studio

log = logging.getLogger(__name__)

NUMBER = "(0|[1-9][0-9]{0,5})"
SEGMENT = re.compile(rf"{NUMBER}\.(?:{NUMBER}\.flac|(webp|peaks))")
STEM = re.compile(rf"{NUMBER}\.(\w{{1,8}})", re.ASCII)
LEVELS = re.compile(r"[0-9eE+.,-]{1,1000}")
MEDIA_TYPES = {
    **{name: FORMATS[name].media_type for name in DOWNLOADED},
    "webp": "image/webp",
    "peaks": "application/octet-stream",
}
NOSNIFF = {"X-Content-Type-Options": "nosniff"}
PRIVATE = {**NOSNIFF, "Cache-Control": "no-store"}
IMMUTABLE = {**NOSNIFF, "Cache-Control": "private, max-age=3600, immutable"}
MAX_DOWNLOAD_THREADS = 16

P = ParamSpec("P")
T = TypeVar("T")
Handler = Callable[[Request, Job], Awaitable[Response]]


def routes_of(studio: Studio) -> list[Route]:
    """Return the routes of a studio, below ``songs/``, for Gradio's app."""
    reads: dict[str, Handler] = {
        "": partial(_status, studio),
        "/listen/{name}": _segment,
        "/stems/{name}": _stem,
        "/stems.zip": _zip,
        "/mix.{format}": _mix,
    }
    actions: dict[str, Handler] = {
        "/cancel": partial(_act, studio.cancel),
        "/leave": partial(_act, studio.page_closed),
    }
    gets = [Route(f"/songs/{{token}}{path}", _endpoint(studio, handler)) for path, handler in reads.items()]
    posts = [
        Route(f"/songs/{{token}}{path}", _endpoint(studio, handler), methods=["POST"])
        for path, handler in actions.items()
    ]
    return [*gets, *posts]


def _endpoint(studio: Studio, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Admit visitors who have signed in and know a token, and turn errors into JSON."""

    async def endpoint(request: Request) -> Response:
        if not await signed_in(request):
            return _refusal(401, "Sign in first.")
        token = request.path_params["token"]
        job = studio.job(token) if TOKEN.fullmatch(token) else None
        if job is None:
            return _not_found()
        try:
            return await handler(request, job)
        except InputError as error:
            return _refusal(400, str(error))
        except NotDoneError as error:
            return _refusal(409, str(error))
        except NotCreatedError as error:
            return _not_created(job, error)

    return endpoint


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status, headers=PRIVATE)


def _not_found() -> Response:
    """Return the one response for all that does not exist, which reveals nothing."""
    return _refusal(404, "Song not found, or this part of it; it may have been deleted.")


def _not_created(job: Job, error: NotCreatedError) -> Response:
    """Report that a song was deleted meanwhile, or log an error of the server."""
    if not all(path.exists() for path in job.files):
        return _not_found()
    log.error("A download could not be created: %s", error)
    return _refusal(503, "The file cannot be written now; try again later.")


async def _status(studio: Studio, request: Request, job: Job) -> Response:
    job.touch()
    return JSONResponse(studio.status(job), headers=PRIVATE)


async def _act(action: Callable[[Job], None], request: Request, job: Job) -> Response:
    """Change a song's state; another site would have to know the token."""
    action(job)
    return Response(status_code=204, headers=PRIVATE)


async def _segment(request: Request, job: Job) -> Response:
    job.touch()
    match = SEGMENT.fullmatch(request.path_params["name"])
    if match is None:
        return _not_found()
    segment, track, picture = match.groups()
    if int(track or 0) > len(job.request.names):
        return _not_found()
    suffix = f"{int(track)}.flac" if track else picture
    return _SongFile(job.folder / "listen" / f"{int(segment):05}.{suffix}", IMMUTABLE)


async def _stem(request: Request, job: Job) -> Response:
    match = STEM.fullmatch(request.path_params["name"])
    names = job.request.names
    if match is None or not 1 <= int(match[1]) <= len(names):
        return _not_found()
    track = int(match[1])
    format = match[2]
    path = await _in_thread(stem_in, job, track, format)
    return _SongFile(path, PRIVATE, _file_name(job, names[track - 1], format))


async def _mix(request: Request, job: Job) -> Response:
    format = request.path_params["format"]
    levels = _levels(request.query_params.get("levels", ""))
    path = await _in_thread(mix_in, job, levels, format)
    return _SongFile(path, PRIVATE, _file_name(job, "mix", format))


async def _zip(request: Request, job: Job) -> Response:
    parts = await _in_thread(zip_of, job, request.query_params.get("format", ""))
    name = quote(_file_name(job, "stems", "zip"), safe="")
    headers = {**PRIVATE, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type="application/zip")
    return StreamingResponse(_streamed(parts), headers=headers, media_type="application/zip")


def _levels(text: str) -> list[float]:
    """Parse numbers between commas.

    Raises:
        InputError: The text contains something else.
    """
    try:
        if LEVELS.fullmatch(text):
            return [float(level) for level in text.split(",")]
    except ValueError:
        pass
    raise InputError("levels must be a list of numbers, one for each stem, as in levels=1,0,0.5,1")


def _file_name(job: Job, part: str, suffix: str) -> str:
    """Return the name of a download on the visitor's disk."""
    return f"{safe_name(job.request.title, 'song')} - {safe_name(part, 'stem')}.{suffix}"


_limiter: RunVar[CapacityLimiter] = RunVar("threads of downloads")


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a slow function in one of a few threads; status and segments use others."""
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = CapacityLimiter(MAX_DOWNLOAD_THREADS)
        _limiter.set(limiter)
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter)


async def _streamed(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts, each computed in a thread."""
    while (part := await _in_thread(next, parts, None)) is not None:
        yield part


class _SongFile(FileResponse):
    """Sends a file of a song, or `_not_found` if it is deleted meanwhile.

    Args:
        path: The file.
        headers: Of the response.
        name: Name of a download on the visitor's disk; None for a file that is only played or shown.
    """

    def __init__(self, path: Path, headers: dict[str, str], name: str | None = None) -> None:
        super().__init__(path, headers=headers, media_type=MEDIA_TYPES[path.suffix.removeprefix(".")], filename=name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; the head waits for the first bytes, up to which we may refuse."""
        head: list[Message] = []
        started = False

        async def send_later(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(NOSNIFF)
                head.append(message)
                return
            started = True
            while head:
                await send(head.pop())
            await send(message)

        try:
            await super().__call__(scope, receive, send_later)
        except (OSError, RuntimeError):  # Starlette raises RuntimeError for a missing file
            if started:
                raise
            await _not_found()(scope, receive, send)
