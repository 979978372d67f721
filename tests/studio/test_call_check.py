"""Refusals of malformed requests, without a traceback from Gradio."""

import httpx
import pytest

from support.studio.studios import song_in, studio_in
from support.studio.visitors import PATIENCE, opened

FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
NONE = [None] * 6


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    with studio_in(folder) as (studio, _), opened(studio, song_in(folder)) as page:
        yield page.local_url


def posted(home, path, call):
    return httpx.post(f"{home}gradio_api/{path}", json=call, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("path", "call"),
    [
        *(("call/nothing", call) for call in (5, {}, {"data": []})),
        *((f"{way}/nothing", {"data": []}) for way in ("call/v2", "run", "api")),
        *(("queue/join", {"fn_index": number, "data": []}) for number in (-1, 99, 10**30, True, "0", None)),
        *(("queue/join", {"fn_index": number, "data": []}) for number in range(5)),
        ("queue/join", {"fn_index": 0, "data": [*NONE, None, None]}),
        ("queue/join", {"fn_index": 0, "data": [5, None, "small", ["vocals"], False, 0.5, 1, None]}),
        ("queue/join", {"fn_index": 1, "data": ["other", ["vocals"], False, 0.5, 1, None]}),
        ("queue/join", {"fn_index": 1, "data": ["small", ["vocals"], False, 5, 1, None]}),
        ("queue/join", {"fn_index": 3, "data": [None]}),
        ("call/v2/begin", {}),
        ("call/v2/checkpoints", {"song": None}),
        ("call/v2/separate", {}),
        ("call/v2/separate", {"song": None, "volume": 3}),
        ("call/begin", {"data": NONE}),
        ("run/predict", {"fn_index": 0, "data": ["x"]}),
        ("call/separate", {"data": [FILE, "small", [], False, 0.5, 1]}),
    ],
)
def test_junk_is_refused_before_gradio_sees_it(home, path, call, capfd):
    answer = posted(home, path, call)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("body", [b'{"data": [NaN]}', b'{"data": [1e999]}', b'{"data": ["\\ud800"]}'])
@pytest.mark.parametrize("path", ["queue/join", "cancel", "reset"])
def test_values_outside_json_are_refused(home, path, body, capfd):
    answer = httpx.post(f"{home}gradio_api/{path}", content=body, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["error"]) == (400, "numbers must be finite, and text UTF-8")
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("way", ["call", "call/v2"])
def test_a_valid_call_is_answered(home, way):
    number = posted(home, f"{way}/checkpoints", {"data": []} if way == "call" else {}).json()["event_id"]
    assert "small" in httpx.get(f"{home}gradio_api/{way}/checkpoints/{number}", timeout=PATIENCE).text
