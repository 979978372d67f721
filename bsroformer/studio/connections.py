"""Connections: how many there may be, and which one is closed for a new one.

Gradio starts uvicorn without arguments of ours, so `our_uvicorn` stands between the two for the moment of the start.
uvicorn's own ``limit_concurrency`` would answer everybody with 503 as long as somebody holds all connections.
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
FILES_EACH = 5
"""File descriptors for each connection: its socket, an upload or a file that is sent, and what is not closed yet."""
HEADER_SECONDS = 10.0
"""How long a client may take for the head of a request."""


class BoundedProtocol(H11Protocol):
    """HTTP connections that are closed if no request comes, or if there are too many.

    Attributes:
        since: When it was opened, by the loop's clock.
    """

    since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for a new connection."""
        others = [each for each in self.connections if isinstance(each, BoundedProtocol)]
        if len(others) >= max_connections():
            unwanted = least_wanted(others)
            self.connections.discard(unwanted)
            unwanted.transport.abort()
        super().connection_made(transport)
        self.since = self.loop.time()
        self._limit_time()

    def data_received(self, data: bytes) -> None:
        """Read what came; while it is no whole head of a request, the time runs."""
        if self._timer is None and not self.has_request:
            self._limit_time()
        super().data_received(data)
        if self.has_request:
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def has_request(self) -> bool:
        """Whether a request is being answered, or its body read."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_answering(self) -> bool:
        """Whether a whole request is being answered."""
        return self.has_request and not self.cycle.more_body

    def _limit_time(self) -> None:
        self._timer = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def least_wanted(connections: Iterable[BoundedProtocol]) -> BoundedProtocol:
    """Of the address with most connections: one that waits for its client rather than for us, and the oldest."""
    by_address = Counter(_address(each) for each in connections)
    [(busiest, _)] = by_address.most_common(1)
    candidates = [each for each in connections if _address(each) == busiest]
    return min(candidates, key=lambda each: (each.is_answering, each.since))


def _address(connection: BoundedProtocol) -> str:
    return connection.client[0] if connection.client else ""


def max_connections() -> int:
    """Connections for which the process may open files enough; it first asks the system for more, if it may."""
    try:
        resource = importlib.import_module("resource")  # not on Windows
    except ImportError:
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_EACH * MAX_CONNECTIONS
    if soft < wanted and soft != resource.RLIM_INFINITY:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else int(min(MAX_CONNECTIONS, soft // FILES_EACH))


@contextmanager
def our_uvicorn(wrapped: Callable[[ASGIApp], ASGIApp]) -> Iterator[None]:
    """Have Gradio start uvicorn with our settings.

    Args:
        wrapped: Puts middleware around Gradio's application, outside of Gradio's own.
    """

    def config(app: ASGIApp, **given: Any) -> uvicorn.Config:
        ours = {"http": BoundedProtocol, "ws": "none", "backlog": 128, "log_level": "error"}
        return uvicorn.Config(wrapped(app), **{**given, **ours})

    http_server.uvicorn = SimpleNamespace(Config=config)  # type: ignore[assignment]
    try:
        yield
    finally:
        http_server.uvicorn = uvicorn
