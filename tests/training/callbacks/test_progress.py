"""Lines of progress on the terminal and in the log."""

import csv

import pytest
from lightning.pytorch.callbacks import Timer

from bsroformer.run_folder import RunFolder
from bsroformer.training import run_clock
from bsroformer.training.run_clock import RunClock
from support.launched import SMALL_RUN, launch
from support.runs import metrics

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]


def run(songs_root, folder, *overrides):
    words = f"data.root={songs_root}", f"paths.output_dir={folder}", "~callbacks.previews", *overrides
    launch("train", *SMALL_RUN, *words)


def test_the_score_of_validation_is_printed_and_logged(songs_root, tmp_path, capsys):
    run(songs_root, tmp_path)
    printed, log = capsys.readouterr().out, RunFolder(tmp_path).log.read_text("utf-8")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        score = float(list(csv.DictReader(file))[-1]["val/sdr"])
    line = f"validation {score:.2f} dB SDR (the best so far, saved)"
    for text in (printed, log):
        assert "step 2 of 2 (100%)" in text and line in text
        assert f"Best score {score:.2f} dB SDR at step 2: {tmp_path}/checkpoints/best.ckpt" in text
        assert f"bsroformer train resume={tmp_path} trainer.max_steps=4" in text


def test_a_finished_run_is_reported_and_trains_nothing(songs_root, tmp_path, capsys):
    run(songs_root, tmp_path)
    capsys.readouterr()
    run(songs_root, tmp_path, f"ckpt_path={tmp_path}/checkpoints/last.ckpt")
    printed = capsys.readouterr().out
    assert "The run has finished all its steps" in printed and "trainer.max_steps=4 extends it" in printed
    assert "elapsed" not in printed


def test_a_run_out_of_time_is_reported(songs_root, tmp_path, capsys):
    limits = "trainer.max_steps=1000", "+trainer.max_time='00:00:00:00'"
    run(songs_root, tmp_path, *limits)
    assert "trainer.max_time=00:00:00:00 ended the run" in capsys.readouterr().out


def test_a_run_out_of_time_is_validated_before_it_ends(songs_root, tmp_path, monkeypatch):
    monkeypatch.setattr(Timer, "on_fit_start", lambda *_: None)  # it would end the run before its first step
    limits = "trainer.max_steps=1000", "+trainer.max_time='00:00:00:00'", "trainer.check_val_every_n_epoch=5"
    run(songs_root, tmp_path, *limits)
    assert (tmp_path / "checkpoints" / "best.ckpt").is_file()
    assert [row["val/si_sdr"] != "" for row in metrics(tmp_path)].count(True) == 1


def test_remaining_time_is_that_of_the_steps_left(monkeypatch):
    now = 100.0
    monkeypatch.setattr(run_clock.time, "monotonic", lambda: now)
    counted = RunClock(10, 30)
    now = 160.0  # the first step compiles
    counted.count(11)
    assert counted.remaining() is None
    now = 166.0
    counted.count(14)
    assert counted.remaining() == pytest.approx(32.0)
    assert counted.remaining(allowed=5.0) == 5.0
    assert counted.times() == "1:06 elapsed, 0:32 left"
