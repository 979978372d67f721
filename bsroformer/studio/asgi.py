"""What our middleware shares: the path of a request, a JSON refusal, and a limit on waiting for a body."""

import asyncio
from urllib.parse import unquote

from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope

SILENCE_SECONDS = 30.0
"""How long a client that sends a body may send nothing."""
MIN_BYTES_PER_SECOND = 25_000
"""Of a body that is sent: a slow phone's upload rate."""


def path_of(scope: Scope) -> str:
    """The path in lower case below ``root_path``, which a proxy may have removed or not."""
    path = unquote(scope["path"]).lower()
    prefix = scope.get("root_path", "").rstrip("/").lower()
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


def client_of(scope: Scope) -> str:
    """The client's address; empty if unknown."""
    client = scope.get("client")
    return client[0] if client else ""


def refusal(status: int, sentence: str) -> JSONResponse:
    """An answer in JSON that says what is wrong."""
    return JSONResponse({"error": sentence}, status)


def in_time(receive: Receive, length: int) -> Receive:
    """Limit how long a client may take for a body of `length` bytes.

    Returns:
        The same as `receive`; it raises `asyncio.TimeoutError` for a client that is silent or too slow.
    """
    deadline: float | None = None
    complete = False

    async def received() -> Message:
        nonlocal deadline, complete
        if complete:  # what comes now is the end of the connection, for which there is no hurry
            return await receive()
        now = asyncio.get_running_loop().time()
        if deadline is None:
            deadline = now + SILENCE_SECONDS + length / MIN_BYTES_PER_SECOND
        seconds = max(0.0, min(SILENCE_SECONDS, deadline - now))
        message = await asyncio.wait_for(receive(), seconds)
        complete = not message.get("more_body", False)
        return message

    return received
