"""Runs that are stopped or killed, and go on from their folder: in processes of their own, forked from a warm one."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from launched import SMALL_RUN, composed

from bsroformer.launch.train import train
from bsroformer.training.checkpoint_file import LAST
from bsroformer.training.last_checkpoint import LastCheckpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec", "ignore:.*fork")

RUN = (
    *SMALL_RUN,
    "data.epoch_size=16",  # eight batches
    "trainer.max_steps=-1",
    "trainer.max_epochs=6",
    "trainer.accumulate_grad_batches=3",  # the last group of an epoch has two batches
    "trainer.log_every_n_steps=2",
    "scheduler.warmup_steps=3",
    "+model.trunk.dropout=0.1",
    "callbacks.last_checkpoint.every_minutes=0",
    "~callbacks.previews",
    "~callbacks.progress",
)
STEPS = 18
KILLS = 20


def start(songs_root: Path, folder: Path, *overrides: str) -> None:
    torch.set_num_threads(1)
    train(composed("train", *RUN, f"data.root={songs_root}", f"paths.output_dir={folder}", *overrides))


def start_and_be_killed(seconds: float, songs_root: Path, folder: Path) -> None:
    """Go on with the run, and get a kill -9 so many seconds after it goes on."""
    begin = LastCheckpoint.on_train_start

    def on_train_start(callback: LastCheckpoint, *arguments: Any) -> None:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        begin(callback, *arguments)

    LastCheckpoint.on_train_start = on_train_start
    start(songs_root, folder, "resume=auto")


def forked(work: Callable[..., None], *arguments: Any) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    return process


def checkpoint(folder: Path, name: str = LAST) -> dict[str, Any]:
    return torch.load(folder / "checkpoints" / name, weights_only=True)


def assert_same_end(folder: Path, expected: Path) -> None:
    found, wanted = checkpoint(folder), checkpoint(expected)
    for entry in ("global_step", "state_dict", "optimizer_states", "lr_schedulers", "current_model_state"):
        torch.testing.assert_close(found.get(entry), wanted.get(entry), rtol=0, atol=0)
    assert (folder / "metrics.csv").read_text() == (expected / "metrics.csv").read_text()
    best = [checkpoint(each, "best.ckpt") for each in (folder, expected)]
    torch.testing.assert_close(best[0]["state_dict"], best[1]["state_dict"], rtol=0, atol=0)
    assert best[0]["global_step"] == best[1]["global_step"]


def run(songs_root: Path, folder: Path, *overrides: str) -> None:
    process = forked(start, songs_root, folder, *overrides)
    process.join()
    assert process.exitcode == 0


@pytest.fixture(scope="module")
def uninterrupted(songs_root, tmp_path_factory) -> tuple[Path, float]:
    """A run from its beginning to its end, and how many seconds it took."""
    folder, began = tmp_path_factory.mktemp("uninterrupted"), time.monotonic()
    run(songs_root, folder)
    assert checkpoint(folder)["global_step"] == STEPS
    return folder, time.monotonic() - began


def test_a_run_that_is_killed_at_any_time_ends_as_one_that_is_not(songs_root, tmp_path, uninterrupted):
    """Twenty times, at random moments of a quarter of a run's length; a run that comes to its end begins anew."""
    folder, seconds = uninterrupted
    moments, runs, reached = random.Random(0), 0, set()
    for _ in range(KILLS):
        process = forked(start_and_be_killed, moments.uniform(0, seconds / 4), songs_root, tmp_path / str(runs))
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        if process.exitcode == 0:
            assert_same_end(tmp_path / str(runs), folder)
            runs += 1
        elif (tmp_path / str(runs) / "checkpoints" / LAST).exists():
            reached.add(checkpoint(tmp_path / str(runs))["global_step"])
    run(songs_root, tmp_path / str(runs), "resume=auto")
    assert len(reached) > 3  # it was killed in several places
    assert_same_end(tmp_path / str(runs), folder)
