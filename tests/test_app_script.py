"""``scripts/app.py`` as a user starts it."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO

import gradio_client
import httpx
import pytest

from bsroformer.audio.files import probe
from bsroformer.checkpoints.save import save_model
from bsroformer.hardware import read_proc_bytes
from support import warm
from support.launched import REPOSITORY
from support.long_songs import RATE, record, small_model

PATIENCE = 300
"""Timeout in seconds, most of which imports need."""


@pytest.fixture
def ckpt(tiny_model, tmp_path) -> Path:
    save_model(tiny_model, tmp_path / "small.safetensors")
    return tmp_path / "small.safetensors"


@dataclass
class Started:
    """A running script; stderr is a file, since a pipe may fill before it is read."""

    process: subprocess.Popen[str]
    errors: IO[str]

    def address(self) -> str:
        """Wait for the address of the page."""
        assert self.process.stdout is not None
        limit = Timer(PATIENCE, self.process.kill)
        limit.start()
        try:
            for line in self.process.stdout:
                if found := re.search(r"The page is at (\S+);", line):
                    return found[1]
        finally:
            limit.cancel()
        raise AssertionError(self.ended()[2])

    def ended(self) -> tuple[int, str, str]:
        """Wait for the end; return exit status, stdout and stderr."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        self.errors.seek(0)
        return self.process.returncode, out, self.errors.read()


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[Started]:
    command = [sys.executable, str(REPOSITORY / "scripts/app.py"), *arguments]
    with TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=errors)
        try:
            yield Started(process, errors)
        finally:
            process.kill()
            process.communicate()


def test_the_app_opens_a_page_and_deletes_all_files_at_its_end(ckpt, tmp_path):
    with started(tmp_path, f"ckpt={ckpt}", "device=cpu", "output=songs of the page") as script:
        address = script.address()
        assert "Stem studio" in httpx.get(address, timeout=PATIENCE).text
        [endpoint, *_] = httpx.get(f"{address}gradio_api/info", timeout=PATIENCE).json()["named_endpoints"]
        assert endpoint == "/separate"
        assert (tmp_path / "songs of the page").is_dir()
        script.process.send_signal(signal.SIGTERM)
        status, out, err = script.ended()
    assert status == 0
    assert "Closed; all songs are deleted." in out
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.safetensors"]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_an_hour_takes_no_more_memory_than_two_minutes(tmp_path):
    """Peak memory over a program's upload, separation, previews and downloads."""
    save_model(small_model(), tmp_path / "small.safetensors")
    limits = "limits.minutes=61", "limits.megabytes=200"
    memory = {}
    with started(tmp_path, "ckpt=small.safetensors", "device=cpu", "output=songs", *limits) as script:
        program = gradio_client.Client(script.address(), verbose=False, download_files=tmp_path / "stems")
        status = Path(f"/proc/{script.process.pid}/status")
        for minutes in (2, 60):
            record(tmp_path / f"{minutes}.wav", seconds=60 * minutes)
            stems = program.predict(gradio_client.handle_file(tmp_path / f"{minutes}.wav"), api_name="/separate")
            assert [probe(Path(stem)).frames for stem in stems] == [60 * minutes * RATE] * 2
            memory[minutes] = read_proc_bytes(status, "VmHWM")
        program.close()
    print(memory)
    assert memory[60] <= 1.2 * memory[2]
    assert 0.2 * memory[2] < 60 * 60 * RATE * 2 * 4  # or a mixture held whole would not be noticed


def test_a_taken_port_is_reported(ckpt, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, printed = warm.started("app", f"ckpt={ckpt}", f"port={port}", "device=cpu", cwd=tmp_path).ended()
    assert status == 2
    assert f"127.0.0.1:{port}" in printed
    assert "give another host or port" in printed
    assert "Traceback" not in printed


def test_without_a_checkpoint_it_names_the_command_to_make_one(tmp_path):
    status, printed = warm.started("app", cwd=tmp_path).ended()
    assert status == 2
    assert "scripts/train.py experiment=demo" in printed
    assert "Traceback" not in printed
    assert list(tmp_path.iterdir()) == []
