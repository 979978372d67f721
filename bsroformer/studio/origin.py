"""Which names and which other sites may ask for the page: DNS rebinding and requests from other sites are refused.

A page on this machine can be reached by any site that a visitor's browser opens. Two checks hold against that:

- The name in ``Host`` must be one of the page's. A rebinding attack needs a name of its own, so addresses in numbers
  are fine. Starlette's ``TrustedHostMiddleware`` takes names only, and its answer has no remedy.
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

from bsroformer.studio.asgi import refusal

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN = ("same-origin", "none")
"""Values of ``Sec-Fetch-Site`` of the page itself, and of what a person typed."""
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}
"""Of every answer: no other site may show the page in a frame, or learn the address of a song."""


class OwnOrigin:
    """Refuse requests under a name that is not the page's, or from another site.

    Gradio answers ``Origin`` with permission for any site, so it does not see that header; and its cookies are kept
    from other sites.

    Args:
        app: The next application.
        names: Under which the page may be asked for, besides addresses in numbers; ``*`` stands for any part.
        proxies: Those of them under which a proxy shows it.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str], proxies: Sequence[str] = ()) -> None:
        self.app = app
        self.names = [name.lower() for name in (*names, *proxies)]
        self.proxies = [name.lower() for name in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._refusal(scope["method"], Headers(scope=scope))
        headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        await (answer or self.app)({**scope, "headers": headers}, receive, partial(_send, send))

    def _refusal(self, method: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        name = name_in(f"//{host}")
        if not is_address(name) and not _matches(name, self.names):
            return refusal(
                400, f"the page does not go by the name {name[:100]!a} here: add it to the list of hosts=[...]"
            )
        if method not in SAFE_METHODS and not self._is_own(host, headers):
            return refusal(403, "another site may not do this here: open the page itself")
        return None

    def _is_own(self, host: str, headers: Headers) -> bool:
        """Whether a request comes from the page itself, or from a program."""
        origin = headers.get("origin")
        if origin is not None and _matches(name_in(origin), self.proxies):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in OWN
        return origin is None or _host_and_port(origin) == host.lower()


async def _send(send: Send, message: Message) -> None:
    """Send an answer with our headers, and with cookies that browsers keep from other sites."""
    if message["type"] == "http.response.start":
        headers = MutableHeaders(raw=[_kept_here(*header) for header in message["headers"]])
        headers.update(HEADERS)
        message = {**message, "headers": headers.raw}
    await send(message)


def _kept_here(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header; of a cookie for all sites, one for this site."""
    if name.lower() != b"set-cookie":
        return name, value
    parts = [part for part in value.split(b";") if not part.strip().lower().startswith(b"samesite=")]
    return name, b";".join([*parts, b" SameSite=Lax"])


def name_in(address: str) -> str:
    """The host's name in an address, in lower case; empty if there is none."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _host_and_port(origin: str) -> str | None:
    """Host and port of an origin, as ``Host`` has them."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def is_address(name: str) -> bool:
    """Whether a host's name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
