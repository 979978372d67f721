"""Signing in: wrong passwords are slow."""

import asyncio
from collections import Counter
from weakref import WeakValueDictionary

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.studio.asgi import client_of, path_of, refusal

PAUSE_SECONDS = 1.0
"""After a wrong password, until the next attempt from the same address."""
MAX_ATTEMPTS = 5
"""Attempts of one address that wait at the same time."""


class SlowSignIns:
    """Take one attempt to sign in at a time from each address, and pause after a wrong one.

    Args:
        app: The next application.
        pause: Seconds.
    """

    def __init__(self, app: ASGIApp, pause: float = PAUSE_SECONDS) -> None:
        self.app = app
        self.pause = pause
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._attempts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, an attempt when it is its turn."""
        if scope["type"] != "http" or scope["method"] != "POST" or path_of(scope).rstrip("/") != "/login":
            await self.app(scope, receive, send)
            return
        address = client_of(scope)
        if self._attempts[address] >= MAX_ATTEMPTS:
            await refusal(429, "too many attempts to sign in: try again in a minute")(scope, receive, send)
            return
        self._attempts[address] += 1
        try:
            await self._try(address, scope, receive, send)
        finally:
            self._attempts[address] -= 1
            if not self._attempts[address]:
                del self._attempts[address]

    async def _try(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        turn = self._turns.setdefault(address, asyncio.Lock())
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async with turn:
            await self.app(scope, receive, sent)
            if status >= 400:
                await asyncio.sleep(self.pause)
