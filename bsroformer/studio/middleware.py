"""ASGI middleware for sign-ins and event streams, and shared helpers."""

import asyncio
import inspect
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote
from weakref import WeakValueDictionary

from gradio.routes import App
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SILENCE_TIMEOUT_S = 30.0
"""How long a client may pause while it sends a body."""
MIN_BYTES_PER_SECOND = 25_000
"""Of a body: the rate of a slow phone."""
WRONG_PASSWORD_PAUSE_S = 1.0
MAX_ATTEMPTS = 5
"""Attempts to sign in from one address that wait at the same time."""
SESSION_STREAM = "/gradio_api/queue/data"
CALL_STREAM = "/gradio_api/call/"


def path_of(scope: Scope) -> str:
    """Return the lower-case path below ``root_path``, which a proxy may have removed."""
    path = unquote(scope["path"]).lower()
    prefix = scope.get("root_path", "").rstrip("/").lower()
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


def client_of(scope: Scope) -> str:
    """Return the client's address; empty if unknown."""
    client = scope.get("client")
    return client[0] if client else ""


def refusal(status: int, sentence: str) -> JSONResponse:
    """Build a JSON response that says what is wrong."""
    return JSONResponse({"error": sentence}, status)


def in_time(receive: Receive, length: int) -> Receive:
    """Limit how long a client may take for a body of `length` bytes.

    Returns:
        `receive` that raises `asyncio.TimeoutError` for a client that is silent or too slow.
    """
    deadline: float | None = None
    complete = False

    async def received() -> Message:
        nonlocal deadline, complete
        if complete:  # the next message is the end of the connection, which may take any time
            return await receive()
        now = asyncio.get_running_loop().time()
        if deadline is None:
            deadline = now + SILENCE_TIMEOUT_S + length / MIN_BYTES_PER_SECOND
        seconds = max(0.0, min(SILENCE_TIMEOUT_S, deadline - now))
        message = await asyncio.wait_for(receive(), seconds)
        complete = not message.get("more_body", False)
        return message

    return received


async def signed_in(request: Request) -> bool:
    """Return whether the visitor may use the app.

    Gradio checks that for its own routes only. This follows `get_current_user` and `login_check` in
    ``gradio/routes.py``.
    """
    app = request.app
    if not isinstance(app, App):
        return True
    if app.auth_dependency is not None:
        user = app.auth_dependency(request)
        if inspect.isawaitable(user):
            user = await user
        return user is not None
    if app.auth is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(app.tokens.get(request.cookies.get(name)) is not None for name in names)


class SlowSignIns:
    """Handles an address's sign-ins one by one, and pauses after a wrong password."""

    def __init__(self, app: ASGIApp, pause: float = WRONG_PASSWORD_PAUSE_S) -> None:
        self.app = app
        self.pause = pause
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._attempts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an attempt to sign in when it is its turn."""
        if scope["type"] != "http" or scope["method"] != "POST" or path_of(scope).rstrip("/") != "/login":
            await self.app(scope, receive, send)
            return
        address = client_of(scope)
        if self._attempts[address] >= MAX_ATTEMPTS:
            await refusal(429, "too many attempts to sign in; try again in a minute")(scope, receive, send)
            return
        self._attempts[address] += 1
        try:
            await self._try(address, scope, receive, send)
        finally:
            self._attempts[address] -= 1
            if not self._attempts[address]:
                del self._attempts[address]

    async def _try(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        lock = self._locks.setdefault(address, asyncio.Lock())
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async with lock:
            await self.app(scope, receive, sent)
            if status >= 400:
                await asyncio.sleep(self.pause)


class EventStreams:
    """Counts open streams of Gradio's events, by a call's id or a session's hash."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def is_open(self, key: str | None) -> bool:
        """Return whether a program or page reads the events of a call or session."""
        return key is not None and self._open[key] > 0

    @contextmanager
    def counted(self, key: str) -> Iterator[None]:
        """Count a stream until the block ends."""
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


class CountEventStreams:
    """Counts event streams while they are open."""

    def __init__(self, app: ASGIApp, streams: EventStreams) -> None:
        self.app = app
        self.streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        key = _stream_key(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if key is None:
            await self.app(scope, receive, send)
            return
        with self.streams.counted(key):
            await self.app(scope, receive, send)


def _stream_key(scope: Scope) -> str | None:
    """Return the call or session of an event stream; None for other requests."""
    path = path_of(scope).rstrip("/")
    if path == SESSION_STREAM:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return query.get("session_hash", [""])[-1] or None
    if path.startswith(CALL_STREAM):
        return path.rpartition("/")[2]
    return None
