"""Every checkpoint of a run leads to the same end, and a signal leaves one."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import lightning as L
import pytest

from bsroformer.errors import InputError
from bsroformer.run_folder import LAST
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.last_checkpoint import LastCheckpoint
from support.runs import PowerCutError, assert_same_end, checkpoint, metrics, start

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]

WAYS = {
    "epochs": (),
    "steps and epochs": ("trainer.max_steps=8",),
    "steps": ("trainer.max_epochs=-1", "trainer.max_steps=8"),
    "validation of every second epoch": ("trainer.check_val_every_n_epoch=2",),
    "validation within epochs": ("+trainer.val_check_interval=3",),
    "one batch a step": ("trainer.accumulate_grad_batches=1", "trainer.max_epochs=2"),
    "workers": ("data.num_workers=2", "trainer.max_epochs=2"),
}


def start_and_cut(songs_root: Path, folder: Path, checkpoints: int, *overrides: str) -> bool:
    """Resume a run until it has saved some checkpoints; return whether it ended."""
    save, written = LastCheckpoint._save, 0

    def cut(callback: LastCheckpoint, *arguments: Any) -> None:
        nonlocal written
        save(callback, *arguments)
        written += 1
        if written == checkpoints:
            raise PowerCutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LastCheckpoint, "_save", cut)
        try:
            start(songs_root, folder, "resume=auto", *overrides)
        except PowerCutError:
            return False
    return True


@pytest.mark.parametrize("way", WAYS)
def test_a_run_can_be_cut_after_any_checkpoint(songs_root, tmp_path, way):
    start(songs_root, tmp_path / "whole", *WAYS[way])
    draw = random.Random(0)
    cuts = 0
    while not start_and_cut(songs_root, tmp_path / "parts", draw.randint(1, 4), *WAYS[way]):
        cuts += 1
    assert cuts > 1
    assert_same_end(tmp_path / "parts", tmp_path / "whole")


@pytest.fixture(scope="module")
def whole(songs_root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    start(songs_root, folder, "trainer.max_epochs=2")
    return folder


def start_and_signal(songs_root: Path, folder: Path, step: str, calls: int, *signals: int) -> int:
    """Start a run that gets signals in a call of a step; return its exit status."""
    usual, made = getattr(SeparationModule, step), 0

    def signalled(module: SeparationModule, *arguments: Any) -> Any:
        nonlocal made
        made += 1
        if made == calls:
            for number in signals:
                os.kill(os.getpid(), number)
        return usual(module, *arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(SeparationModule, step, signalled)
        changes = "trainer.max_epochs=2", "callbacks.last_checkpoint.every_minutes=100"
        start(songs_root, folder, *changes)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step(songs_root, tmp_path, whole, capsys, number):
    usual = signal.getsignal(number)
    assert start_and_signal(songs_root, tmp_path, "training_step", 4, number) == 128 + number
    assert checkpoint(tmp_path)["global_step"] == 2  # of batches 4 to 6
    assert f"Stopped after step 2; resume={tmp_path} resumes from its last checkpoint" in capsys.readouterr().out
    assert signal.getsignal(number) is usual
    start(songs_root, tmp_path, f"resume={tmp_path}")
    assert_same_end(tmp_path, whole)


def test_a_signal_in_a_validation_ends_the_run_at_once(songs_root, tmp_path, whole):
    in_first_validation = 2  # after the sanity check
    assert start_and_signal(songs_root, tmp_path, "validation_step", in_first_validation, signal.SIGTERM) == 143
    assert checkpoint(tmp_path)["global_step"] == 3
    assert not (tmp_path / "checkpoints" / "best.ckpt").exists()
    start(songs_root, tmp_path, f"resume={tmp_path}")
    assert_same_end(tmp_path, whole)


def test_a_second_signal_ends_a_run_at_once(songs_root, tmp_path, capsys):
    status = start_and_signal(songs_root, tmp_path, "training_step", 4, signal.SIGINT, signal.SIGINT)
    assert status == 130
    assert not (tmp_path / "checkpoints" / LAST).exists()
    assert "Stopped at once; no checkpoint was written yet." in capsys.readouterr().out


def test_a_slurm_job_is_requeued_before_its_time_is_up(songs_root, tmp_path, monkeypatch):
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", str(scontrol.parent), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    start_and_signal(songs_root, tmp_path / "run", "training_step", 1, signal.SIGUSR1)
    assert (tmp_path / "asked").read_text() == "requeue 17\n"
    assert checkpoint(tmp_path / "run")["global_step"] == 1


def test_the_former_handler_is_called(songs_root, tmp_path):
    """Such as submitit's, which requeues a job that ran out of time."""
    asked = []
    usual = signal.signal(signal.SIGUSR2, lambda number, frame: asked.append(number))
    try:
        start_and_signal(songs_root, tmp_path, "training_step", 1, signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, usual)
    assert asked == [signal.SIGUSR2]
    assert checkpoint(tmp_path)["global_step"] == 1


def test_a_long_interval_saves_around_validations_only(songs_root, tmp_path, monkeypatch):
    saved, save = [], LastCheckpoint._save

    def noted(callback: LastCheckpoint, trainer: L.Trainer) -> None:
        saved.append(trainer.global_step)
        save(callback, trainer)

    monkeypatch.setattr(LastCheckpoint, "_save", noted)
    start(songs_root, tmp_path, "callbacks.last_checkpoint.every_minutes=100", "trainer.max_epochs=2")
    assert saved == [3, 3, 6, 6]  # before and after the validation that each epoch ends with


WORSE = "optimizer.lr=1", "scheduler.warmup_steps=0", "trainer.max_epochs=2", "~callbacks.ema"


def scores_of(folder: Path) -> list[float]:
    """The scores of all validations."""
    return [float(row["val/si_sdr"]) for row in metrics(folder) if row["val/si_sdr"]]


def test_a_run_at_a_relative_path_keeps_its_best(songs_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("runs/one")
    start(songs_root, folder, "trainer.max_epochs=1")
    best = checkpoint(folder, "best.ckpt")["global_step"]
    start(songs_root, folder, f"ckpt_path={folder}/checkpoints/{LAST}", *WORSE)
    scores = scores_of(folder)
    assert scores[1] < scores[0]
    assert checkpoint(folder, "best.ckpt")["global_step"] == best


def test_a_run_that_was_moved_keeps_its_best(songs_root, tmp_path):
    start(songs_root, tmp_path / "here", "trainer.max_epochs=1")
    best = checkpoint(tmp_path / "here", "best.ckpt")["global_step"]
    (tmp_path / "here").rename(tmp_path / "there")
    start(songs_root, tmp_path / "there", f"ckpt_path={tmp_path}/there/checkpoints/{LAST}", *WORSE)
    scores = scores_of(tmp_path / "there")
    assert scores[1] < scores[0]
    assert checkpoint(tmp_path / "there", "best.ckpt")["global_step"] == best
    states = checkpoint(tmp_path / "there")["callbacks"].values()
    assert f"{tmp_path}/there/checkpoints/best.ckpt" in [state.get("best_model_path") for state in states]
    assert not (tmp_path / "here").exists()


def test_a_negative_time_is_refused():
    with pytest.raises(InputError, match=r"callbacks.last_checkpoint.every_minutes=-1 must be a number of 0 or more"):
        LastCheckpoint("checkpoints", every_minutes=-1)
