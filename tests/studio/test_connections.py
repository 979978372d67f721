"""Idle connections do not keep other visitors out."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from bsroformer.studio import connections
from bsroformer.studio.connections import BoundedProtocol, least_wanted

HELD = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: a",
    "half a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    "an endless answer": b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n",
}
MOST = 8
SETTINGS = {"http": BoundedProtocol, "log_level": "critical", "lifespan": "off"}


def held(address, since, is_answering=False):
    return SimpleNamespace(client=(address, 1), since=since, is_answering=is_answering)


def test_the_busiest_address_loses_an_idle_connection():
    alone = held("10.0.0.1", 0)
    answering, idle, newer = held("10.0.0.2", 1, is_answering=True), held("10.0.0.2", 2), held("10.0.0.2", 3)
    assert least_wanted([alone, answering, idle, newer]) is idle
    assert least_wanted([alone, answering, held("10.0.0.2", 4, is_answering=True)]) is answering


async def _endless():
    while True:
        yield b"x"
        await asyncio.sleep(0.05)


async def _body(request):
    await request.body()
    return PlainTextResponse("the page")


async def served(visit):
    """What a visit to a page comes to; it is given the page's port."""
    routes = [
        Route("/endless", lambda _: StreamingResponse(_endless())),
        Route("/", _body, methods=["GET", "POST"]),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), port=0, http=BoundedProtocol, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        return await asyncio.wait_for(visit(server.servers[0].sockets[0].getsockname()[1]), 20)
    finally:
        server.should_exit = server.force_exit = True
        await running


async def opened(port, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize("kind", HELD)
def test_holding_all_connections_locks_out_no_one(kind, monkeypatch):
    monkeypatch.setattr(connections, "max_connections", lambda: MOST)

    async def visit(port):
        attackers = [await opened(port, HELD[kind]) for _ in range(4 * MOST)]
        reader, writer = await opened(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        for _, each in [*attackers, (reader, writer)]:
            each.close()
        return answer

    assert asyncio.run(served(visit)).endswith(b"the page")


@pytest.mark.parametrize(("begin", "requests_before"), [(b"", 0), (b"GET / HTTP/1.1\r\nHost: a", 0), (b"GET /", 1)])
def test_an_idle_connection_is_closed(begin, requests_before, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.2)

    async def visit(port):
        reader, writer = await opened(port, requests_before * b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        if requests_before:
            await reader.readuntil(b"the page")
        writer.write(begin)
        with suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 4)
        writer.close()

    asyncio.run(served(visit))


def test_the_page_has_files_enough_for_its_connections():
    assert 0 < connections.max_connections() <= connections.MAX_CONNECTIONS
