"""Programs and pages that read what Gradio sends about their calls."""

from collections import Counter
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from bsroformer.studio.asgi import path_of

SESSION_STREAM = "/gradio_api/queue/data"
CALL_STREAM = "/gradio_api/call/"


class Readers:
    """Counts the open streams of events by what they are asked for: a call's id, or a session's."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def read(self, key: str | None) -> bool:
        """Whether somebody reads about a call or a session."""
        return key is not None and self._open[key] > 0

    def enter(self, key: str) -> None:
        """Count a stream that is opened."""
        self._open[key] += 1

    def leave(self, key: str) -> None:
        """Count a stream that is closed."""
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]


class CountReaders:
    """Count those who read.

    Args:
        app: The next application.
        readers: Where they are counted.
    """

    def __init__(self, app: ASGIApp, readers: Readers) -> None:
        self.app = app
        self.readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        key = _key_of(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if key is None:
            await self.app(scope, receive, send)
            return
        self.readers.enter(key)
        try:
            await self.app(scope, receive, send)
        finally:
            self.readers.leave(key)


def _key_of(scope: Scope) -> str | None:
    """What a stream is of; None if the request is for something else."""
    path = path_of(scope).rstrip("/")
    if path == SESSION_STREAM:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return query.get("session_hash", [""])[-1] or None
    if path.startswith(CALL_STREAM):
        return path.rpartition("/")[2]
    return None
