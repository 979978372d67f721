"""Refusal of other host names (DNS rebinding) and of cross-site requests.

Any site that a visitor's browser opens can reach a page on this machine. Two checks prevent harm:

- The name in ``Host`` must be one of the page's. A rebinding attack needs a host name of its own, so IP addresses are
  allowed. Starlette's ``TrustedHostMiddleware`` takes names only, and its response does not say what to do.
- A request that changes something must come from the page itself: by ``Sec-Fetch-Site``, which browsers send and
  scripts cannot set, else by ``Origin``. Programs send neither (the scheme of Go's ``http.CrossOriginProtection``).
"""

import ipaddress
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bsroformer.studio.address import host_in
from bsroformer.studio.middleware import refusal

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_SITE = ("same-origin", "none")
"""``Sec-Fetch-Site`` of requests from the page itself, and of an address that a person typed."""
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}
"""Of every response: no other site may show the page in a frame, or receive the address of a song."""


class SameOrigin:
    """Refuses requests under other host names or from other sites.

    Gradio allows any site that it finds in ``Origin``, so that header is hidden from it. Its cookies are kept from
    other sites.

    Args:
        app: The next application.
        names: Host names of the page, besides IP addresses; ``*`` matches any part.
        proxies: Host names under which a proxy shows the page.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str], proxies: Sequence[str] = ()) -> None:
        self.app = app
        self.names = [name.lower() for name in (*names, *proxies)]
        self.proxies = [name.lower() for name in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wrong = self._check(scope["method"], Headers(scope=scope))
        headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        await (wrong or self.app)({**scope, "headers": headers}, receive, partial(_send, send))

    def _check(self, method: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        name = host_in(f"//{host}")
        if not is_ip_address(name) and not _matches(name, self.names):
            return refusal(400, f"unknown host name {name[:100]!a}; add it to hosts=[...]")
        if method not in SAFE_METHODS and not self._is_own(host, headers):
            return refusal(403, "requests from other sites are refused; open the page itself")
        return None

    def _is_own(self, host: str, headers: Headers) -> bool:
        """Return whether a request comes from the page itself or from a program."""
        origin = headers.get("origin")
        if origin is not None and _matches(host_in(origin), self.proxies):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in OWN_SITE
        return origin is None or _host_and_port(origin) == host.lower()


async def _send(send: Send, message: Message) -> None:
    """Send a response with our headers."""
    if message["type"] == "http.response.start":
        headers = MutableHeaders(raw=[_for_same_site(*header) for header in message["headers"]])
        headers.update(HEADERS)
        message = {**message, "headers": headers.raw}
    await send(message)


def _for_same_site(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Add ``SameSite=Lax`` to a cookie, which keeps it from other sites."""
    if name.lower() != b"set-cookie":
        return name, value
    parts = [part for part in value.split(b";") if not part.strip().lower().startswith(b"samesite=")]
    return name, b";".join([*parts, b" SameSite=Lax"])


def _host_and_port(origin: str) -> str | None:
    """Return host and port of an origin in the form of the header ``Host``."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def is_ip_address(host: str) -> bool:
    """Return whether a host is given as an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
