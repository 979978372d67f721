"""Uploads need free space to begin, and leave no file if they fail."""

import asyncio
import errno
import json
import shutil
import tempfile
from collections import namedtuple

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from bsroformer.studio import middleware, uploads
from bsroformer.studio.limits import MEGABYTE
from bsroformer.studio.workspace import KEEP_FREE, Workspace

Disk = namedtuple("Disk", "total used free")
SIZE = 1000


class Disc:
    """Disk with this much free space, to which an app writes uploads as Gradio does."""

    def __init__(self, folder, free):
        self.free = free
        self.workspace = Workspace(folder / "studio", keep_seconds=60)
        self.app = uploads.Uploads(self._write, 1, self.workspace)
        self.may_end = asyncio.Event()

    async def _write(self, scope, receive, send):
        with tempfile.NamedTemporaryFile(dir=self.workspace.uploads, delete=False) as file:
            async for part in Request(scope, receive).stream():
                self.free -= len(part)
                if self.free < 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                file.write(part)
        await self.may_end.wait()
        await PlainTextResponse("taken")(scope, receive, send)

    async def upload(self, *parts, length=SIZE):
        """Upload in parts, disconnecting if they are too few; return status and text."""
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
        return [path for path in self.workspace.uploads.rglob("*") if path.is_file()]


@pytest.fixture
def disc(tmp_path, monkeypatch):
    disc = Disc(tmp_path, free=KEEP_FREE + 10 * SIZE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**12, 0, disc.free))
    return disc


def test_simultaneous_uploads_keep_disk_space_free(disc):
    async def all_at_once():
        disc.free = KEEP_FREE + 3 * SIZE + 500
        answers = [asyncio.create_task(disc.upload(bytes(500), bytes(500))) for _ in range(5)]
        await asyncio.sleep(0.05)
        disc.may_end.set()
        return await asyncio.gather(*answers)

    answers = asyncio.run(all_at_once())
    assert sorted(status for status, _ in answers) == [200, 200, 200, 507, 507]
    assert {json.loads(text)["error"] for status, text in answers if status == 507} == {uploads.DISK_FULL}
    assert disc.free >= KEEP_FREE
    assert len(disc.files()) == 3


def test_space_that_an_upload_claimed_is_free_again_after_it(disc):
    disc.may_end.set()
    disc.free = KEEP_FREE + SIZE
    assert asyncio.run(disc.upload(bytes(10)))[0] is None
    disc.free = KEEP_FREE + SIZE
    assert asyncio.run(disc.upload(bytes(SIZE)))[0] == 200


def test_an_aborted_upload_is_deleted(disc):
    assert asyncio.run(disc.upload(bytes(500))) == (None, "")
    assert disc.files() == []


def test_a_full_disk_is_reported(disc):
    async def full():
        task = asyncio.create_task(disc.upload(bytes(400), bytes(600)))
        asyncio.get_running_loop().call_soon(setattr, disc, "free", 100)  # by another program, once it has begun
        return await task

    status, text = asyncio.run(full())
    assert (status, json.loads(text)) == (507, {"error": uploads.DISK_FULL})
    assert disc.files() == []


def test_a_silent_client_times_out(disc, monkeypatch):
    monkeypatch.setattr(middleware, "SILENCE_TIMEOUT_S", 0.1)
    status, text = asyncio.run(disc.upload(bytes(500), None))
    assert status == 408
    assert "in time" in text
    assert disc.files() == []


def test_a_slow_client_times_out(disc, monkeypatch):
    monkeypatch.setattr(middleware, "SILENCE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(middleware, "MIN_BYTES_PER_SECOND", 10 * SIZE)

    async def trickle():
        async def receive():
            await asyncio.sleep(0.02)
            return {"type": "http.request", "body": b"x", "more_body": True}

        in_time = middleware.in_time(receive, SIZE)
        for _ in range(SIZE):
            await in_time()

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(trickle())


def test_a_removed_folder_is_created_again(disc):
    disc.may_end.set()
    shutil.rmtree(disc.workspace.uploads.parent)
    assert asyncio.run(disc.upload(bytes(SIZE)))[0] == 200
    assert disc.workspace.new_song()[1].is_dir()


def test_cleanup_deletes_abandoned_partial_uploads(tmp_path):
    workspace = Workspace(tmp_path, keep_seconds=3600)
    partial = workspace.uploads / f"{tempfile.gettempprefix()}abc"
    partial.write_bytes(b"half")
    workspace.delete_expired({})
    assert partial.exists()
    later = Workspace(tmp_path, keep_seconds=3600, calendar=lambda: partial.stat().st_ctime + 200)
    later.delete_expired({})
    assert not partial.exists()


def test_a_length_beyond_all_sizes_is_refused(disc):
    assert asyncio.run(disc.upload(b"x", length=2 * MEGABYTE))[0] == 413
