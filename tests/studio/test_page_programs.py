"""The page for programs: results as on the page, and refusals with a message."""

import io
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import gradio_client
import httpx
import pytest

from bsroformer.audio.files import read, write
from bsroformer.studio.api import POLL_INTERVAL_S
from bsroformer.studio.job import Job
from bsroformer.studio.limits import MEGABYTE, Limits
from bsroformer.studio.studio import Studio
from support.studio.studios import OPTION, Model, finished, request_for, song_in, studio_in, wait_until
from support.studio.visitors import opened

LIMITS = Limits(megabytes=1, minutes=0.5)
UPLOAD = "/gradio_api/upload"
BOUNDARY = "a-boundary"


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song_in(tmp_path_factory.mktemp("song"), 3)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, Model, gr.Blocks]]:
    with studio_in(tmp_path_factory.mktemp("studio"), LIMITS) as (studio, model), opened(studio) as page:
        yield studio, model, page


@pytest.fixture
def client(running: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running[2].local_url, timeout=60) as client:
        yield client


@pytest.fixture
def program(running: Any) -> Iterator[gradio_client.Client]:
    client = gradio_client.Client(running[2].local_url, verbose=False)
    yield client
    client.close()


def test_a_program_receives_the_same_files_as_the_page(
    program: gradio_client.Client, client: httpx.Client, studio: Studio, song: Path
) -> None:
    job = finished(studio.submit(request_for(song, rest=True)))
    files = program.predict(gradio_client.handle_file(song), rest=True, api_name="/separate")
    assert [Path(file).name for file in files] == ["vocals.wav", "drums.wav", "residual.wav"]
    for number, file in enumerate(files, start=1):
        assert Path(file).read_bytes() == client.get(f"/songs/{job.token}/stems/{number}.wav").content


def test_a_program_can_choose_stems(program: gradio_client.Client, song: Path) -> None:
    files = program.predict(gradio_client.handle_file(song), "small", ["drums"], False, 0.75, 2, api_name="/separate")
    assert [Path(file).name for file in files] == ["drums.wav"]


def test_a_program_can_list_the_checkpoints(program: gradio_client.Client) -> None:
    assert program.predict(api_name="/checkpoints") == [
        {"name": OPTION.name, "stems": list(OPTION.stems), "metric": None, "scores": {}}
    ]


def test_programs_see_no_other_endpoints(client: httpx.Client) -> None:
    assert set(client.get("/gradio_api/info").json()["named_endpoints"]) == {"/separate", "/checkpoints"}


def test_plain_requests_are_enough(client: httpx.Client, song: Path) -> None:
    [path] = client.post(UPLOAD, files={"files": (song.name, song.read_bytes())}).json()
    events = call(client, path)
    assert events[-1][0] == "complete"
    [files] = events[-1][1]
    assert [file["orig_name"] for file in files] == ["vocals.wav", "drums.wav"]
    assert all(client.get(f"/gradio_api/file={file['path']}").content[:4] == b"RIFF" for file in files)


def test_answers_do_not_show_where_the_folder_of_a_studio_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with studio_in(tmp_path) as (studio, _), opened(studio) as page, httpx.Client(base_url=page.local_url) as client:
        song = song_in(tmp_path, 1)
        [path] = client.post(UPLOAD, files={"files": ("a b.wav", song.read_bytes())}).json()
        assert client.get(f"/gradio_api/file={path}").content == song.read_bytes()
        event = call(client, path)[-1]
        assert str(tmp_path) not in path + str(event)
        [files] = event[1]
        for file in files:
            assert client.get(file["url"]).content == (tmp_path / file["path"]).read_bytes()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"checkpoint": "large"}, "unknown checkpoint large; choose one of small"),
        ({"stems": ["piano"]}, "choose one or more of the stems vocals, drums of small"),
        ({"overlap": 0.99}, "overlap must be a number from 0 to 0.875, got 0.99"),
        ({"overlap": None}, "overlap must be a number from 0 to 0.875, got None"),
        ({"shifts": 100}, "shifts must be a whole number from 1 to 8, got 100"),
        ({"shifts": 1.5}, "shifts must be a whole number from 1 to 8, got 1.5"),
        ({"shifts": 1e300}, "shifts must be a whole number from 1 to 8, got 1e+300"),
        ({"song": None}, "song is missing"),
    ],
)
def test_a_program_receives_error_messages(
    program: gradio_client.Client, song: Path, changes: dict[str, Any], sentence: str
) -> None:
    asked = {"song": gradio_client.handle_file(song), **changes}
    with pytest.raises(gradio_client.exceptions.AppError, match=re.escape(sentence)):
        program.predict(**asked, api_name="/separate")


def test_an_error_is_sent_as_an_event_with_its_message(client: httpx.Client, tmp_path: Path) -> None:
    [path] = client.post(UPLOAD, files={"files": ("notes.mp3", b"No song.")}).json()
    kind, event = call(client, path)[-1]
    assert kind == "error"
    assert event["error"].startswith("notes.mp3 is not an audio file")


def test_a_playlist_reveals_no_local_file(client: httpx.Client, song: Path, tmp_path: Path) -> None:
    audio, rate = read(song)
    write(tmp_path / "private.mp3", audio, rate, "MP3")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:12\n#EXTINF:3.0,\nfile://{tmp_path}/private.mp3\n#EXT-X-ENDLIST\n"
    [path] = client.post(UPLOAD, files={"files": ("song.m3u8", playlist.encode())}).json()
    kind, event = call(client, path)[-1]
    assert kind == "error"
    assert event["error"].startswith("song.m3u8 is not an audio file")


def test_a_disconnected_programs_song_is_cancelled(
    client: httpx.Client, studio: Studio, model: Model, song: Path
) -> None:
    model.open.clear()
    before = set(studio._jobs)
    [path] = client.post(UPLOAD, files={"files": (song.name, song.read_bytes())}).json()
    event = client.post("/gradio_api/call/separate", json=question(path)).json()["event_id"]
    with client.stream("GET", f"/gradio_api/call/separate/{event}"):
        wait_until(lambda: bool(new_jobs(studio, before)) and new_jobs(studio, before)[0].state == "separating")
    [job] = new_jobs(studio, before)
    wait_until(lambda: job.cancelled)
    model.open.set()
    assert finished(job).state == "cancelled"


def test_a_program_that_reads_nothing_does_not_keep_its_song(
    client: httpx.Client, studio: Studio, model: Model, song: Path
) -> None:
    model.open.clear()
    before = set(studio._jobs)
    [path] = client.post(UPLOAD, files={"files": (song.name, song.read_bytes())}).json()
    event = client.post("/gradio_api/call/separate", json=question(path)).json()["event_id"]
    wait_until(lambda: bool(new_jobs(studio, before)))
    [job] = new_jobs(studio, before)
    asked = job.last_seen
    time.sleep(3 * POLL_INTERVAL_S)
    assert job.last_seen == asked
    with client.stream("GET", f"/gradio_api/call/separate/{event}"):
        wait_until(lambda: job.last_seen > asked)
    model.open.set()
    finished(job)


def test_one_program_cannot_fill_the_queue(client: httpx.Client, studio: Studio, model: Model, song: Path) -> None:
    model.open.clear()
    before = set(studio._jobs)
    [path] = client.post(UPLOAD, files={"files": (song.name, song.read_bytes())}).json()
    for number in range(1, LIMITS.songs_each + 1):
        client.post("/gradio_api/call/separate", json=question(path))
        wait_until(lambda number=number: len(new_jobs(studio, before)) == number)
    event = client.post("/gradio_api/call/separate", json=question(path)).json()["event_id"]
    answer = client.get(f"/gradio_api/call/separate/{event}").text
    assert f"{LIMITS.songs_each} of your songs are in the queue" in answer
    assert len(new_jobs(studio, before)) == LIMITS.songs_each
    model.open.set()
    for job in new_jobs(studio, before):
        studio.cancel(job)
        finished(job)


def test_the_page_responds_while_a_song_is_read_slowly(
    client: httpx.Client, studio: Studio, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, begun = Event(), Event()

    def slow(*_: Any) -> float:
        begun.set()
        reading.wait(5)
        return 1.0

    monkeypatch.setattr(Limits, "length_of", slow)
    [path] = client.post(UPLOAD, files={"files": (song.name, song.read_bytes())}).json()
    event = client.post("/gradio_api/call/separate", json=question(path)).json()["event_id"]
    assert begun.wait(5)
    start = time.monotonic()
    assert client.get("/").status_code == 200
    assert time.monotonic() - start < 4
    reading.set()
    assert "complete" in client.get(f"/gradio_api/call/separate/{event}").text


@pytest.mark.parametrize(
    "values", [["small", [], "x"], ["small", [], None], ["small", [["a"]], False], [{}, [], False]]
)
def test_values_of_wrong_types_are_reported(
    client: httpx.Client, studio: Studio, song: Path, values: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(studio._jobs)
    [path] = client.post(UPLOAD, files={"files": (song.name, song.read_bytes())}).json()
    asked = question(path)
    asked["data"][1:4] = values
    event = client.post("/gradio_api/call/separate", json=asked).json()["event_id"]
    answer = client.get(f"/gradio_api/call/separate/{event}").text
    assert answer.startswith("event: error")
    assert "must be" in answer or "unknown checkpoint" in answer
    assert not new_jobs(studio, before)
    assert "Traceback" not in capfd.readouterr().err


def new_jobs(studio: Studio, before: set[str]) -> list[Job]:
    return [job for token, job in studio._jobs.items() if token not in before]


def question(path: str) -> dict[str, Any]:
    song = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return {"data": [song, "small", [], False, 0.5, 1]}


def call(client: httpx.Client, path: str) -> list[tuple[str, Any]]:
    """Separate an uploaded file and return the events of the job."""
    event = client.post("/gradio_api/call/separate", json=question(path)).json()["event_id"]
    lines = client.get(f"/gradio_api/call/separate/{event}").text.splitlines()
    kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return list(zip(kinds, data, strict=True))


def upload_of(size: int) -> bytes:
    """Build a form with a file of this many bytes."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="large.wav"\r\n\r\n'
    return head.encode() + bytes(size) + f"\r\n--{BOUNDARY}--\r\n".encode()


def test_the_running_page_is_for_its_own_site_only(client: httpx.Client, studio: Studio) -> None:
    evil = {"Origin": "http://evil.example"}
    assert client.get("/config", headers={"Host": "evil.example"}).status_code == 400
    assert client.post(UPLOAD, files={"files": ("evil.wav", b"RIFF")}, headers=evil).status_code == 403
    answer = client.get("/config", headers=evil)
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert not list(studio.workspace.uploads.rglob("evil*"))


def test_a_file_that_is_too_large_is_refused(client: httpx.Client, studio: Studio) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = client.post(UPLOAD, content=upload_of(2 * MEGABYTE), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"] == "the upload is too large; upload one file of up to 1 MB"
    in_parts = io.BytesIO(upload_of(2 * MEGABYTE))
    answer = client.post(UPLOAD, content=iter(lambda: in_parts.read(65_536), b""), headers=headers)
    assert answer.status_code == 411
    assert answer.json()["error"] == "the header Content-Length is missing"
    assert not list(studio.workspace.uploads.rglob("large.wav"))


def test_an_upload_is_read_up_to_its_stated_length(running: Any, studio: Studio) -> None:
    address = httpx.URL(running[2].local_url)
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: {address.host}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    )
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + upload_of(2000))
        answer = connection.recv(65_536)
    assert int(answer.split()[1]) in (200, 400)
    assert all(path.stat().st_size < 1000 for path in studio.workspace.uploads.rglob("large.wav"))


def test_a_form_with_many_files_keeps_the_limit(client: httpx.Client, studio: Studio) -> None:
    files = [("files", (f"many{number}.wav", bytes(400_000))) for number in range(4)]
    assert client.post(UPLOAD, files=files).status_code == 413
    assert not list(studio.workspace.uploads.rglob("many*"))
