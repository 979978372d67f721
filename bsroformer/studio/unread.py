"""Unread answers of Gradio, dropped after a time so that they do not fill the memory."""

import asyncio
import time

import gradio as gr
from starlette.types import ASGIApp, Receive, Scope, Send

from bsroformer.studio.middleware import EventStreams

UNREAD_SECONDS = 600.0
"""Seconds until the unread answer to a finished call is dropped."""
EVERY_SECONDS = 30.0
"""Seconds between two checks."""


class UnreadAnswers:
    """Drops the answers in Gradio's queue of sessions without a reader and without a running call.

    Gradio itself drops the messages of the oldest of 2,000 sessions, and keeps the numbers of their calls for ever.

    Args:
        page: Gradio's page.
        streams: Open event streams.
    """

    def __init__(self, page: gr.Blocks, streams: EventStreams) -> None:
        self.page = page
        self.streams = streams
        self._since: dict[str, float] = {}

    def drop(self, now: float) -> int:
        """Drop old unread answers, and return the number of their sessions.

        They have been unread for `UNREAD_SECONDS`.

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
        read = self.streams.is_open(session) or any(self.streams.is_open(call) for call in calls)
        return read or any(call in queue.event_ids_to_events for call in calls)

    async def watch(self) -> None:
        """Drop them while the server runs."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.drop(time.monotonic())


class DropUnread:
    """Watch unread answers from the first request on, in the server's loop.

    Args:
        app: The next application.
        answers: The answers to watch.
    """

    def __init__(self, app: ASGIApp, answers: UnreadAnswers) -> None:
        self.app, self.answers = app, answers
        self._watching: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if self._watching is None:
            self._watching = asyncio.create_task(self.answers.watch())
        await self.app(scope, receive, send)
