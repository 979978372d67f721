"""``scripts/app.py`` as a user starts it."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bsroformer.checkpoints.save import save_model
from launched import REPOSITORY

PATIENCE = 120


@pytest.fixture
def ckpt(tiny_model, tmp_path) -> Path:
    save_model(tiny_model, tmp_path / "small.safetensors")
    return tmp_path / "small.safetensors"


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(REPOSITORY / "scripts/app.py"), *arguments]
    process = subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def address_told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"The page is at (\S+);", line):
            return found[1]
    raise AssertionError(process.communicate()[1])


def test_it_opens_a_page_and_closes_it_without_a_trace(ckpt, tmp_path):
    with started(tmp_path, f"ckpt={ckpt}", "device=cpu", "output=songs of the page") as process:
        address = address_told(process)
        assert "Stem studio" in httpx.get(address).text
        [endpoint, *_] = httpx.get(f"{address}gradio_api/info").json()["named_endpoints"]
        assert endpoint == "/separate"
        assert (tmp_path / "songs of the page").is_dir()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Closed; all songs are deleted." in out
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.safetensors"]


def test_a_port_that_is_taken_is_told(ckpt, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with started(tmp_path, f"ckpt={ckpt}", f"port={port}", "device=cpu") as process:
            _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert f"127.0.0.1:{port}" in err
    assert "give another host or port" in err
    assert "Traceback" not in err


def test_without_any_checkpoint_it_says_which_command_makes_one(tmp_path):
    with started(tmp_path) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "python scripts/train.py experiment=demo" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
