"""A limit on connections, beyond which a new one closes an old one.

Gradio starts uvicorn without our arguments, so `our_uvicorn` replaces it during the start. uvicorn's own
``limit_concurrency`` would send 503 to everybody while a single client holds all connections.
"""

import asyncio
import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import uvicorn
from gradio import http_server
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 512
FILES_PER_CONNECTION = 5
"""File descriptors for each connection: its socket, an upload or download, and files that are not closed yet."""
HEAD_TIMEOUT_S = 10.0
"""For the head of a request."""


class BoundedProtocol(H11Protocol):
    """An HTTP connection that is closed if it is idle or one too many.

    Attributes:
        since: When it was opened, by the loop's clock.
    """

    since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Open a connection, and close another one if there are too many."""
        others = [each for each in self.connections if isinstance(each, BoundedProtocol)]
        if len(others) >= max_connections():
            closed = least_wanted(others)
            self.connections.discard(closed)
            closed.transport.abort()
        super().connection_made(transport)
        self.since = self.loop.time()
        self._limit_time()

    def data_received(self, data: bytes) -> None:
        """Read data; until the head of a request is complete, a timer runs."""
        if self._timer is None and not self.has_request:
            self._limit_time()
        super().data_received(data)
        if self.has_request:
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer of a closed connection."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def has_request(self) -> bool:
        """Whether a request's body is being read, or its response sent."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_answering(self) -> bool:
        """Whether the response to a complete request is being sent."""
        return self.has_request and not self.cycle.more_body

    def _limit_time(self) -> None:
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def least_wanted(connections: Iterable[BoundedProtocol]) -> BoundedProtocol:
    """Choose the oldest connection of the busiest address, an idle one if possible."""
    by_address = Counter(_address(each) for each in connections)
    [(busiest, _)] = by_address.most_common(1)
    candidates = [each for each in connections if _address(each) == busiest]
    return min(candidates, key=lambda each: (each.is_answering, each.since))


def _address(connection: BoundedProtocol) -> str:
    return connection.client[0] if connection.client else ""


def max_connections() -> int:
    """Raise the limit of open files if possible, and return that of connections."""
    try:
        resource = importlib.import_module("resource")  # not on Windows
    except ImportError:
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_PER_CONNECTION * MAX_CONNECTIONS
    if soft < wanted and soft != resource.RLIM_INFINITY:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return int(min(MAX_CONNECTIONS, soft // FILES_PER_CONNECTION))


@contextmanager
def our_uvicorn(wrapped: Callable[[ASGIApp], ASGIApp]) -> Iterator[None]:
    """Make Gradio start uvicorn with our settings, until the block ends.

    Args:
        wrapped: Wraps Gradio's application in middleware, outside of Gradio's own.
    """

    def config(app: ASGIApp, **given: Any) -> uvicorn.Config:
        ours = {"http": BoundedProtocol, "ws": "none", "backlog": 128, "log_level": "error"}
        return uvicorn.Config(wrapped(app), **{**given, **ours})

    http_server.uvicorn = SimpleNamespace(Config=config)  # type: ignore[assignment]
    try:
        yield
    finally:
        http_server.uvicorn = uvicorn
