"""Answers of Gradio that nobody reads: dropped after a time, so that they do not fill the memory."""

import asyncio
import time

import gradio as gr
from starlette.types import ASGIApp, Receive, Scope, Send

from bsroformer.studio.readers import Readers

UNREAD_SECONDS = 600.0
"""How long Gradio holds the answer to a call that is done and that nobody reads."""
EVERY_SECONDS = 30.0
"""Between two looks."""


class UnreadAnswers:
    """Drops what Gradio's queue holds for sessions that nobody reads about and for which nothing is computed.

    Gradio itself drops the messages of the oldest of 2,000 sessions, and keeps the numbers of their calls for ever.

    Args:
        page: Gradio's page.
        readers: Knows who reads.
    """

    def __init__(self, page: gr.Blocks, readers: Readers) -> None:
        self.page, self.readers = page, readers
        self._since: dict[str, float] = {}

    def drop(self, now: float) -> int:
        """Drop the answers that have been unread for `UNREAD_SECONDS`, and return how many sessions they were of.

        Args:
            now: By `time.monotonic`.
        """
        queue = self.page._queue
        sessions = {*queue.pending_messages_per_session, *queue.pending_event_ids_session}
        unread = {session for session in sessions if not self._is_in_use(session)}
        self._since = {session: self._since.get(session, now) for session in unread}
        old = [session for session, since in self._since.items() if now - since >= UNREAD_SECONDS]
        for session in old:
            queue.pending_messages_per_session.pop(session, None)
            queue.pending_event_ids_session.pop(session, None)
            del self._since[session]
        return len(old)

    def _is_in_use(self, session: str) -> bool:
        queue = self.page._queue
        calls = queue.pending_event_ids_session.get(session, set())
        read = self.readers.read(session) or any(map(self.readers.read, calls))
        return read or any(call in queue.event_ids_to_events for call in calls)

    async def watch(self) -> None:
        """Drop them as long as the server runs."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.drop(time.monotonic())


class DropUnread:
    """Watch unread answers from the first request on, in the server's own loop.

    Args:
        app: The next application.
        answers: What is watched.
    """

    def __init__(self, app: ASGIApp, answers: UnreadAnswers) -> None:
        self.app, self.answers = app, answers
        self._watching: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if self._watching is None:
            self._watching = asyncio.create_task(self.answers.watch())
        await self.app(scope, receive, send)
