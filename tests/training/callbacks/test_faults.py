"""Steps with a non-finite loss or gradient: excerpts, records, and limit."""

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from bsroformer.cli.commands.train import build
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.errors import InputError
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.faults import Faults
from bsroformer.training.fault_records import read_lines
from support.launched import SMALL_RUN, launch

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]
# Two epochs of three batches of two excerpts: keys (0, 0) to (0, 5), and (1, 0) to (1, 5).
RUN = (
    *SMALL_RUN,
    "data.epoch_size=6",
    "trainer.max_steps=-1",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=1",
    "~callbacks.previews",
    "~callbacks.progress",
)


def run(songs_root: Path, folder: Path, *overrides: str) -> None:
    launch("train", *RUN, f"data.root={songs_root}", f"paths.output_dir={folder}", *overrides)


@pytest.fixture
def broken(monkeypatch) -> set[tuple[int, int]]:
    """Keys of excerpts that hold a NaN, for the test to fill in."""
    keys: set[tuple[int, int]] = set()
    draw = RandomExcerpts.__getitem__

    def with_holes(excerpts: RandomExcerpts, key: ExcerptKey) -> Tensor:
        stems = draw(excerpts, key)
        if tuple(key) in keys:
            stems[0, 0, 0] = torch.nan
        return stems

    monkeypatch.setattr(RandomExcerpts, "__getitem__", with_holes)
    return keys


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_excerpt_at_fault_is_named(songs_root, tmp_path, broken, capsys):
    broken.add((1, 3))
    run(songs_root, tmp_path)
    [line] = read_lines(tmp_path / "faults.jsonl")
    assert line["step"] == 5
    assert (line["seed"], line["excerpts"], line["at_fault"]) == (0, [[1, 3]], True)
    assert line["gradient_norm"] == line["losses"][0]["loss"] == line["losses"][0]["magnitude"] == "nan"
    printed = "Skipped step 5, whose gradient norm is nan; at fault: (seed 0, epoch 1, number 3)"
    assert printed in capsys.readouterr().out
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 6
    assert not (tmp_path / "faults.txt").exists()


def test_faults_that_cannot_be_written_are_a_warning(songs_root, tmp_path, broken, capsys):
    broken.add((0, 3))
    (tmp_path / "faults.jsonl").mkdir()  # instead of the file
    run(songs_root, tmp_path)
    printed = " ".join(capsys.readouterr().out.split())
    assert "Training continues: " in printed
    assert "faults.jsonl cannot be written" in printed
    assert "at fault: (seed 0, epoch 0, number 3)" in printed
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 6


def test_curves_skip_a_loss_that_is_nan(songs_root, tmp_path, broken):
    broken.add((0, 2))
    run(songs_root, tmp_path)
    rows_by_step = {row["step"]: row for row in rows(tmp_path)}
    assert [row["train/skipped_steps"] for row in rows_by_step.values()] == ["0.0", *5 * ["1.0"]]
    assert rows_by_step["2"]["train/loss"] == rows_by_step["2"]["train/gradient_norm"] == ""
    finite = [float(value) for row in rows_by_step.values() for value in row.values() if value]
    assert all(map(math.isfinite, finite))
    assert all(row["train/loss"] for step, row in rows_by_step.items() if step != "2")


def test_all_batches_of_a_step_are_searched(songs_root, tmp_path, broken):
    broken.update({(0, 0), (0, 3)})
    run(songs_root, tmp_path, "trainer.accumulate_grad_batches=2")
    [line] = read_lines(tmp_path / "faults.jsonl")
    assert line["excerpts"] == [[0, 0], [0, 3]]
    assert len(line["losses"]) == 2


def test_the_excerpt_is_detected_in_a_repeated_batch(songs_root, tmp_path, broken):
    broken.add((0, 4))
    run(songs_root, tmp_path, "debug=overfit_one_batch", "data.epoch_size=6", "trainer.max_epochs=2")
    assert [line["excerpts"] for line in read_lines(tmp_path / "faults.jsonl")] == 2 * [[[0, 4]]]


def test_without_a_culprit_all_excerpts_of_the_step_are_named(songs_root, tmp_path, monkeypatch, capsys):
    def overflow(module: SeparationModule) -> None:
        if module.global_step == 1:
            next(module.parameters()).grad.fill_(torch.inf)

    monkeypatch.setattr(SeparationModule, "on_after_backward", overflow)
    run(songs_root, tmp_path)
    [line] = read_lines(tmp_path / "faults.jsonl")
    assert (line["step"], line["excerpts"], line["at_fault"]) == (2, [[0, 2], [0, 3]], False)
    assert line["gradient_norm"] == "inf"
    assert math.isfinite(line["losses"][0]["loss"])
    assert "no excerpt is at fault on its own; it had (seed 0, epoch 0, number 2), (seed" in capsys.readouterr().out


def test_the_search_has_no_side_effects(songs_root, tmp_path, broken, monkeypatch):
    """Dropout draws the same numbers, and the model is back in training mode."""
    broken.add((0, 2))
    weights = []
    for found in (True, False):
        if not found:
            monkeypatch.setattr(Faults, "_record", lambda *_: None)
        run(songs_root, tmp_path / str(found), "+model.trunk.dropout=0.1")
        weights.append(torch.load(tmp_path / str(found) / "checkpoints" / "last.ckpt")["state_dict"])
    torch.testing.assert_close(*weights, rtol=0, atol=0)


def test_too_many_faults_end_the_training_with_a_report(songs_root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(build, "build_optimizer", lambda cfg: cfg.optimizer.build(lr=1e30))
    high = "scheduler.warmup_steps=1", "callbacks.faults.most=2"
    with pytest.raises(SystemExit):
        run(songs_root, tmp_path, *high)
    printed = " ".join(capsys.readouterr().err.split())
    assert (
        "training stopped at step 4: 3 of the last 4 steps had a loss or gradient that was NaN or infinite" in printed
    )
    assert f"{tmp_path}/faults.txt; start from the best weights with init_from=… and a lower optimizer.lr" in printed
    assert "Traceback" not in printed
    report = (tmp_path / "faults.txt").read_text("utf-8")
    assert "3 steps had a loss or gradient that was NaN or infinite: 2, 3, 4" in report
    assert "seed 0, epoch 1, number 0: 1 time(s)" in report


def test_faults_that_are_far_apart_are_allowed(songs_root, tmp_path, broken):
    broken.update({(0, 0), (0, 4), (1, 2)})  # in steps 1, 3 and 5
    apart = "callbacks.faults.most=1", "callbacks.faults.window=2"
    run(songs_root, tmp_path, *apart)
    assert [line["step"] for line in read_lines(tmp_path / "faults.jsonl")] == [1, 3, 5]
    with pytest.raises(SystemExit):
        run(songs_root, tmp_path / "narrow", "callbacks.faults.most=1", "callbacks.faults.window=3")


def test_a_resumed_run_continues_the_count(songs_root, tmp_path, broken):
    broken.update({(0, 2), (1, 0), (1, 4)})
    run(songs_root, tmp_path / "whole")
    run(songs_root, tmp_path / "parts", "trainer.max_epochs=1", "scheduler.final=1", "scheduler.warmup_steps=0")
    checkpoint = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    [state] = [state for state in torch.load(checkpoint, weights_only=True)["callbacks"].values() if "skipped" in state]
    assert state == {"skipped": 1, "recent": [2]}
    with (tmp_path / "parts" / "faults.jsonl").open("a") as file:
        file.write(json.dumps({"step": 4}) + '\n{"step": 5, "ra')  # of steps after the checkpoint; the second is cut
    run(songs_root, tmp_path / "parts", f"ckpt_path={checkpoint}", "scheduler.final=1", "scheduler.warmup_steps=0")
    whole, parts = (read_lines(tmp_path / name / "faults.jsonl") for name in ("whole", "parts"))
    assert [line["step"] for line in parts] == [line["step"] for line in whole] == [2, 4, 6]
    assert rows(tmp_path / "parts")[-1]["train/skipped_steps"] == "3.0"


@pytest.mark.parametrize(("most", "window", "named"), [(-1, 10, "most=-1"), (1, 0, "window=0")])
def test_a_limit_out_of_range_is_refused(tmp_path, most, window, named):
    with pytest.raises(InputError, match=rf"callbacks\.faults\.{named} must be"):
        Faults(str(tmp_path), most, window)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_song_file_with_nan_is_named(songs_root, tmp_path, capsys, workers):
    root = tmp_path / "songs"
    shutil.copytree(songs_root, root)
    for song in ("A", "C"):
        noise, rate = soundfile.read(root / "train" / song / "drums.wav")
        soundfile.write(root / "train" / song / "drums.wav", np.full_like(noise, np.nan), rate, subtype="FLOAT")
    with pytest.raises(SystemExit):
        run(root, tmp_path / "out", f"data.num_workers={workers}")
    printed = capsys.readouterr().err
    assert "drums.wav holds NaN or infinite values, the first at sample" in printed
    assert "Traceback" not in printed
