"""What the instrument asks for, by token and number; see `bsroformer.studio.downloads` for what it takes home.

What comes in an address is checked by pattern before anything touches the disk, and no part of it ever becomes one of
a path: tracks and segments go by number.
"""

import inspect
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from gradio.routes import App
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from bsroformer.errors import InputError
from bsroformer.file_names import safe_name
from bsroformer.studio.abandoned import TOKEN
from bsroformer.studio.downloads import NotDoneError, NotMadeError, mix_in, stem_in, zip_of
from bsroformer.studio.job import Job

log = logging.getLogger(__name__)

NUMBER = "(0|[1-9][0-9]{0,5})"
SEGMENT = re.compile(rf"{NUMBER}\.(?:{NUMBER}\.flac|(webp|peaks))")
STEM = re.compile(rf"{NUMBER}\.(\w{{1,8}})", re.ASCII)
LEVELS = re.compile(r"[0-9eE+.,-]{1,1000}")
MEDIA_TYPES = {
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "webp": "image/webp",
    "peaks": "application/octet-stream",
}
NOSNIFF = {"X-Content-Type-Options": "nosniff"}
PRIVATE = {**NOSNIFF, "Cache-Control": "no-store"}
IMMUTABLE = {**NOSNIFF, "Cache-Control": "private, max-age=3600, immutable"}
DOWNLOADS_AT_A_TIME = 16

P = ParamSpec("P")
T = TypeVar("T")
Answer = Callable[[Request, Job], Awaitable[Response]]


class Songs(Protocol):
    """Who knows the songs."""

    def job(self, token: str) -> Job | None:
        """The song that a token stands for, if it stands for one."""

    def facts(self, job: Job) -> dict[str, Any]:
        """What the page shows of it, as JSON has it."""

    def cancel(self, job: Job) -> None:
        """End it."""

    def leave(self, job: Job) -> None:
        """Its page was closed."""


def routes_of(studio: Songs) -> list[Route]:
    """The routes of a studio, below ``songs/``, for an app of Gradio's: ``launch(app_kwargs={"routes": ...})``."""
    answers: dict[str, Answer] = {
        "": partial(_facts, studio),
        "/listen/{name}": _listen,
        "/stems/{name}": _stem,
        "/stems.zip": _zip,
        "/mix.{format}": _mix,
    }
    gets = [Route(f"/songs/{{token}}{path}", _endpoint(studio, answer)) for path, answer in answers.items()]
    asks = {"cancel": studio.cancel, "leave": studio.leave}
    posts = [
        Route(f"/songs/{{token}}/{what}", _endpoint(studio, partial(_done, act)), methods=["POST"])
        for what, act in asks.items()
    ]
    return [*gets, *posts]


async def signed_in(request: Request) -> bool:
    """Whether the visitor may use the app: Gradio asks those for a name and a password who use routes of its own only.

    This is `get_current_user` and `login_check` of ``gradio/routes.py``.
    """
    app = request.app
    if not isinstance(app, App):
        return True
    if app.auth_dependency is not None:
        user = app.auth_dependency(request)
        return (await user if inspect.isawaitable(user) else user) is not None
    if app.auth is None:
        return True
    names = f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}"
    return any(app.tokens.get(request.cookies.get(name)) is not None for name in names)


def _endpoint(studio: Songs, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Let somebody in who has signed in and knows a token, and tell in JSON what is wrong otherwise."""

    async def answered(request: Request) -> Response:
        if not await signed_in(request):
            return _refusal(401, "Sign in first.")
        token = request.path_params["token"]
        job = studio.job(token) if TOKEN.fullmatch(token) else None
        if job is None:
            return _unknown()
        try:
            return await answer(request, job)
        except InputError as error:
            return _refusal(400, str(error))
        except NotDoneError as error:
            return _refusal(409, str(error))
        except NotMadeError as error:
            return _not_made(job, error)

    return answered


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status, headers=PRIVATE)


def _unknown() -> Response:
    """The one answer to whatever is not there, so that it tells nothing of what is."""
    return _refusal(404, "There is no such song or part of it, or no longer.")


def _not_made(job: Job, error: NotMadeError) -> Response:
    """The song may have been deleted meanwhile; otherwise it is for whoever runs the studio to know what went wrong."""
    if not all(path.exists() for path in job.files):
        return _unknown()
    log.error("A download could not be made: %s", error)
    return _refusal(503, "The file cannot be written now: try again later.")


async def _facts(studio: Songs, request: Request, job: Job) -> Response:
    job.ask()
    return JSONResponse(studio.facts(job), headers=PRIVATE)


async def _done(act: Callable[[Job], None], request: Request, job: Job) -> Response:
    """Do it; another site, which may send a visitor's browser here, would have to know the token too."""
    act(job)
    return Response(status_code=204, headers=PRIVATE)


async def _listen(request: Request, job: Job) -> Response:
    job.ask()
    parts = SEGMENT.fullmatch(request.path_params["name"])
    if parts is None or int(parts[2] or 0) > len(job.wish.names):
        return _unknown()
    segment = f"{int(parts[1]):05}"
    name = f"{segment}.{int(parts[2])}.flac" if parts[2] else f"{segment}.{parts[3]}"
    return _SongFile(job.folder / "listen" / name, IMMUTABLE)


async def _stem(request: Request, job: Job) -> Response:
    parts = STEM.fullmatch(request.path_params["name"])
    if parts is None or not 1 <= int(parts[1]) <= len(job.wish.names):
        return _unknown()
    track, format = int(parts[1]), parts[2]
    path = await _in_thread(stem_in, job, track, format)
    return _SongFile(path, PRIVATE, _file_name(job, job.wish.names[track - 1], format))


async def _mix(request: Request, job: Job) -> Response:
    format = request.path_params["format"]
    path = await _in_thread(mix_in, job, _levels(request.query_params.get("levels", "")), format)
    return _SongFile(path, PRIVATE, _file_name(job, "mix", format))


async def _zip(request: Request, job: Job) -> Response:
    parts = await _in_thread(zip_of, job, request.query_params.get("format", ""))
    name = quote(_file_name(job, "stems", "zip"), safe="")
    headers = {**PRIVATE, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type="application/zip")
    return StreamingResponse(_streamed(parts), headers=headers, media_type="application/zip")


def _levels(text: str) -> list[float]:
    """Numbers between commas.

    Raises:
        InputError: If they are none.
    """
    try:
        if LEVELS.fullmatch(text):
            return [float(level) for level in text.split(",")]
    except ValueError:
        pass
    raise InputError("levels is no list of numbers: give one for each stem, as in levels=1,0,0.5,1")


def _file_name(job: Job, part: str, suffix: str) -> str:
    """What a download is called on the visitor's disk."""
    return f"{safe_name(job.wish.title, 'song')} - {safe_name(part, 'stem')}.{suffix}"


_threads: RunVar[CapacityLimiter] = RunVar("threads of downloads")


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what may wait for a conversion in a thread; they are few, and not those that facts and sounds need."""
    limiter = _threads.get(None)
    if limiter is None:
        limiter = CapacityLimiter(DOWNLOADS_AT_A_TIME)
        _threads.set(limiter)
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter)


async def _streamed(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same parts, each made in a thread."""
    while (part := await _in_thread(next, parts, None)) is not None:
        yield part


class _SongFile(FileResponse):
    """A file of a song, which may be deleted while it is asked for: it is unknown then.

    Args:
        path: The file.
        headers: Of the answer.
        name: What it is called on the visitor's disk, if it is to be kept there.
    """

    def __init__(self, path: Path, headers: dict[str, str], name: str | None = None) -> None:
        super().__init__(path, headers=headers, media_type=MEDIA_TYPES[path.suffix.removeprefix(".")], filename=name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; the head waits for the first bytes, without which it would be too late to refuse."""
        head: list[Message] = []
        begun = False

        async def send_later(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(NOSNIFF)
                head.append(message)
                return
            begun = True
            while head:
                await send(head.pop())
            await send(message)

        try:
            await super().__call__(scope, receive, send_later)
        except (OSError, RuntimeError):  # starlette's word for a file that is not there
            if begun:
                raise
            await _unknown()(scope, receive, send)
