"""Runs that are killed and resumed, in processes of their own."""

import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bsroformer.run_folder import LAST
from bsroformer.training.callbacks.last_checkpoint import LastCheckpoint
from support.launched import blank_pictures
from support.runs import assert_same_end, checkpoint, start
from support.warm import forked

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec", "ignore:.*fork")

STEPS = 9
KILLS = 20


def start_in_process(songs_root: Path, folder: Path, *overrides: str) -> None:
    with blank_pictures():
        start(songs_root, folder, *overrides)


def start_and_be_killed(checkpoints: int, seconds: float, songs_root: Path, folder: Path) -> None:
    """Resume the run; kill -9 it some seconds after it has saved checkpoints."""
    begin, save, written = LastCheckpoint.on_train_start, LastCheckpoint._save, 0

    def kill_soon() -> None:
        if written == checkpoints:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def on_train_start(callback: LastCheckpoint, *arguments: Any) -> None:
        kill_soon()
        begin(callback, *arguments)

    def save_and_count(callback: LastCheckpoint, *arguments: Any) -> None:
        nonlocal written
        save(callback, *arguments)
        written += 1
        kill_soon()

    LastCheckpoint.on_train_start, LastCheckpoint._save = on_train_start, save_and_count
    start_in_process(songs_root, folder, "resume=auto")


def run(songs_root: Path, folder: Path, *overrides: str) -> None:
    status, printed = forked(start_in_process, songs_root, folder, *overrides).ended()
    assert status == 0, printed


@pytest.fixture(scope="module")
def uninterrupted(songs_root, tmp_path_factory) -> tuple[Path, float]:
    """A complete run, and its duration in seconds."""
    folder, began = tmp_path_factory.mktemp("uninterrupted"), time.monotonic()
    run(songs_root, folder)
    assert checkpoint(folder)["global_step"] == STEPS
    return folder, time.monotonic() - began


def test_a_run_killed_at_any_time_ends_the_same(songs_root, tmp_path, uninterrupted):
    """Kill it twenty times at random moments.

    Each is within a quarter of a run's length after one of its next checkpoints.

    A run that reaches its end is followed by a new one.
    """
    folder, seconds = uninterrupted
    moments, runs, reached = random.Random(0), 0, set()
    for _ in range(KILLS):
        life = moments.randint(0, 2), moments.uniform(0, seconds / 4)
        status, printed = forked(start_and_be_killed, *life, songs_root, tmp_path / str(runs)).ended()
        assert status in (0, -signal.SIGKILL), printed
        if status == 0:
            assert_same_end(tmp_path / str(runs), folder)
            runs += 1
        elif (tmp_path / str(runs) / "checkpoints" / LAST).exists():
            reached.add(checkpoint(tmp_path / str(runs))["global_step"])
    run(songs_root, tmp_path / str(runs), "resume=auto")
    assert len(reached) > 3  # it was killed in several places
    assert_same_end(tmp_path / str(runs), folder)
