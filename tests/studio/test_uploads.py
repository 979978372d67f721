"""Uploads have space before they begin, and leave nothing if they do not end well."""

import asyncio
import errno
import json
import shutil
import tempfile
from collections import namedtuple

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from bsroformer.studio import asgi, uploads
from bsroformer.studio.limits import MEGABYTE
from bsroformer.studio.reserve import KEPT_FREE, Reserve
from bsroformer.studio.shelf import Shelf

Disk = namedtuple("Disk", "total used free")
SIZE = 1000


class Disc:
    """A disk of which so much is free; an app writes uploads to it as Gradio does."""

    def __init__(self, folder, free):
        self.free = free
        self.shelf = Shelf(folder / "studio", keep_seconds=60)
        self.app = uploads.Uploads(self._write, 1, self.shelf, Reserve(self.shelf.songs))
        self.may_end = asyncio.Event()

    async def _write(self, scope, receive, send):
        with tempfile.NamedTemporaryFile(dir=self.shelf.uploads, delete=False) as file:
            async for part in Request(scope, receive).stream():
                self.free -= len(part)
                if self.free < 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                file.write(part)
        await self.may_end.wait()
        await PlainTextResponse("taken")(scope, receive, send)

    async def upload(self, *parts, length=SIZE):
        """Status and text of the answer to an upload in parts; the client goes in the middle if they are too few."""
        head = {"type": "http", "method": "POST", "path": uploads.UPLOAD, "query_string": b"", "headers": []}
        head["headers"] = [(b"content-length", str(length).encode())]
        left, answers = list(parts), []

        async def receive():
            if not left:
                return {"type": "http.disconnect"}
            part = left.pop(0)
            if part is None:
                await asyncio.sleep(60)
            arrived = sum(map(len, filter(None, parts[: len(parts) - len(left)])))
            return {"type": "http.request", "body": part, "more_body": arrived < length}

        async def send(message):
            answers.append(message)

        await self.app(head, receive, send)
        return (answers[0]["status"], answers[1]["body"].decode()) if answers else (None, "")

    def files(self):
        return [path for path in self.shelf.uploads.rglob("*") if path.is_file()]


@pytest.fixture
def disc(tmp_path, monkeypatch):
    disc = Disc(tmp_path, free=KEPT_FREE + 10 * SIZE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**12, 0, disc.free))
    return disc


def test_five_uploads_at_once_do_not_take_what_must_stay_free(disc):
    async def all_at_once():
        disc.free = KEPT_FREE + 3 * SIZE + 500
        answers = [asyncio.create_task(disc.upload(bytes(500), bytes(500))) for _ in range(5)]
        await asyncio.sleep(0.05)
        disc.may_end.set()
        return await asyncio.gather(*answers)

    answers = asyncio.run(all_at_once())
    assert sorted(status for status, _ in answers) == [200, 200, 200, 507, 507]
    assert {json.loads(text)["error"] for status, text in answers if status == 507} == {uploads.NO_ROOM}
    assert disc.free >= KEPT_FREE
    assert len(disc.files()) == 3


def test_space_that_an_upload_claimed_is_free_again_after_it(disc):
    disc.may_end.set()
    disc.free = KEPT_FREE + SIZE
    assert asyncio.run(disc.upload(bytes(10)))[0] is None
    disc.free = KEPT_FREE + SIZE
    assert asyncio.run(disc.upload(bytes(SIZE)))[0] == 200


def test_an_upload_that_breaks_off_leaves_nothing(disc):
    assert asyncio.run(disc.upload(bytes(500))) == (None, "")
    assert disc.files() == []


def test_a_disk_that_fills_up_is_told_in_a_sentence(disc):
    async def full():
        task = asyncio.create_task(disc.upload(bytes(400), bytes(600)))
        asyncio.get_running_loop().call_soon(setattr, disc, "free", 100)  # by another program, once it has begun
        return await task

    status, text = asyncio.run(full())
    assert (status, json.loads(text)) == (507, {"error": uploads.NO_ROOM})
    assert disc.files() == []


def test_a_client_that_sends_no_more_is_not_waited_for(disc, monkeypatch):
    monkeypatch.setattr(asgi, "SILENCE_SECONDS", 0.1)
    status, text = asyncio.run(disc.upload(bytes(500), None))
    assert status == 408
    assert "in time" in text
    assert disc.files() == []


def test_a_client_that_is_too_slow_in_all_is_not_waited_for(disc, monkeypatch):
    monkeypatch.setattr(asgi, "SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(asgi, "MIN_BYTES_PER_SECOND", 10 * SIZE)

    async def trickle():
        async def receive():
            await asyncio.sleep(0.02)
            return {"type": "http.request", "body": b"x", "more_body": True}

        in_time = asgi.in_time(receive, SIZE)
        for _ in range(SIZE):
            await in_time()

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(trickle())


def test_a_folder_that_a_cleaner_removed_is_made_again(disc):
    disc.may_end.set()
    shutil.rmtree(disc.shelf.uploads.parent)
    assert asyncio.run(disc.upload(bytes(SIZE)))[0] == 200
    assert disc.shelf.new()[1].is_dir()


def test_the_rounds_delete_a_partial_upload_that_was_given_up(tmp_path):
    shelf = Shelf(tmp_path, keep_seconds=3600)
    partial = shelf.uploads / f"{tempfile.gettempprefix()}abc"
    partial.write_bytes(b"half")
    shelf.sweep([])
    assert partial.exists()
    later = Shelf(tmp_path, keep_seconds=3600, calendar=lambda: partial.stat().st_ctime + 200)
    later.sweep([])
    assert not partial.exists()


def test_a_length_beyond_all_sizes_is_refused(disc):
    assert asyncio.run(disc.upload(b"x", length=2 * MEGABYTE))[0] == 413
