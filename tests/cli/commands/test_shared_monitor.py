"""One monitor for a whole run; the expected choice is read from metrics.csv."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from omegaconf import OmegaConf

from bsroformer.checkpoints import open_checkpoint
from bsroformer.cli.commands.train.command import train
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.shared_monitor import with_monitor
from bsroformer.errors import InputError
from bsroformer.report.monitor import Monitor, monitor_of
from bsroformer.studio.known_scores import known_scores
from bsroformer.training.callbacks.candidates import Candidates, score_of
from bsroformer.training.callbacks.prune import MedianPruner
from bsroformer.training.sweep.job_result import RESULT_FILE, Result, read_result
from support.launched import blank_pictures, composed, small_run

RUN = ("trainer.max_steps=-1", "trainer.max_epochs=3", "optimizer.lr=0.03", "scheduler.warmup_steps=1")
LIGHT = ("average_best=2", "~callbacks.previews", "~callbacks.report", "~callbacks.progress")


def run(root: Path, folder: Path, *overrides: str) -> float:
    with blank_pictures():
        return train(composed("train", *small_run(root, *RUN, *LIGHT, f"paths.output_dir={folder}", *overrides)))


def scores(folder: Path, name: str) -> dict[int, float]:
    with (folder / "metrics.csv").open(newline="") as file:
        return {int(row["step"]): float(row[name]) for row in csv.DictReader(file) if row[name]}


@pytest.mark.parametrize("name", ["val/sdr", "val/si_sdr_vocals", "val/loss"])
def test_every_judge_follows_the_monitor(songs_root, tmp_path, name):
    returned = run(songs_root, tmp_path, f"monitor={name}")
    best = min if name == "val/loss" else max
    found = scores(tmp_path, name)
    best_step = best(found, key=found.get)
    checkpoint = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["global_step"] == best_step
    kept = {int(path.stem[5:]): score_of(path) for path in (tmp_path / "checkpoints" / "candidates").glob("*.ckpt")}
    ranked = sorted(found, key=found.get, reverse=name != "val/loss")
    assert kept == {step: pytest.approx(found[step], rel=1e-4) for step in ranked[:2]}
    at_least = best(found.values())
    assert best(returned, at_least) == pytest.approx(returned, rel=1e-4)  # the average, if that is better
    if name != "val/loss":
        known = known_scores(open_checkpoint(tmp_path / "checkpoints" / "best.ckpt"))
        assert (known.metric, known.mean) == (f"validation {Monitor(name).label}", pytest.approx(at_least, rel=1e-4))


@pytest.mark.parametrize("name", ["val/sdrr", "sdr", "val/sdr_bass", "train/loss"])
def test_a_monitor_that_does_not_exist_is_refused_at_the_start(songs_root, tmp_path, name):
    with pytest.raises(InputError) as refused:
        run(songs_root, tmp_path / "run", f"monitor={name}", "data.stems=[vocals,other]")
    message = f"monitor={name} must be a validation score: one of val/si_sdr, val/sdr, val/loss"
    assert message in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_a_callback_with_a_monitor_of_its_own_is_checked_too():
    cfg = composed("train", "callbacks=[default,early_stopping]", "callbacks.early_stopping.monitor=val/sdrr")
    with pytest.raises(InputError, match=r"callbacks\.early_stopping\.monitor=val/sdrr must be a validation score"):
        with_monitor(cfg)


def test_a_run_that_gets_no_better_ends_early(songs_root, tmp_path, capsys):
    early = "callbacks=[default,early_stopping]", "callbacks.early_stopping.patience=2", "average_best=null"
    run(songs_root, tmp_path, *early, "optimizer.lr=0", "trainer.max_epochs=9")
    assert list(scores(tmp_path, "val/sdr")) == [2, 4, 6]
    printed = " ".join(capsys.readouterr().out.split())
    assert "Stopping early: val/sdr has not improved for 2 validations" in printed


@pytest.fixture(scope="module")
def silent_root(tmp_path_factory) -> Path:
    """Two songs to train on; the one to validate is dither at -75 dBFS."""
    root = tmp_path_factory.mktemp("silent")
    noise = np.random.default_rng(0)
    for song, level in {"A": 0.1, "C": 0.1, "B": 10 ** (-75 / 20)}.items():
        for stem in ("vocals", "drums", "bass", "other"):
            (root / "train" / song).mkdir(parents=True, exist_ok=True)
            audio = level * noise.standard_normal((6000, 2))
            soundfile.write(root / "train" / song / f"{stem}.wav", audio, 44100, subtype="FLOAT")
    return root


def test_no_checkpoint_is_best_without_a_score(silent_root, tmp_path, capsys):
    assert math.isnan(run(silent_root, tmp_path))
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "Validation has no score for any stem: unknown, or below -60 dBFS, throughout the validation songs" in printed
    )
    assert "No validation had a score (monitor=val/sdr), so the run has no best checkpoint" in printed
    assert printed.count("has no score for") == 1
    assert not (tmp_path / "checkpoints" / "best.ckpt").exists()
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()
    assert not list((tmp_path / "checkpoints" / "candidates").glob("*"))


def old_config(monitor: str) -> dict:
    """A configuration of an earlier version, whose only monitor is the checkpoint's."""
    tree = composed("train", "callbacks=[default,prune]", "data.root=x", "paths.output_dir=x").tree
    del tree["monitor"]
    for callback in tree["callbacks"].values():
        callback.pop("monitor", None)
    best = {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "monitor": monitor, "mode": "max"}
    tree["callbacks"]["best_checkpoint"] |= best
    return tree


def test_a_run_of_an_earlier_version_is_resumed_as_it_was(songs_root, tmp_path):
    run(songs_root, tmp_path)
    saved = OmegaConf.to_container(OmegaConf.load(tmp_path / "config.yaml"))
    for key in ("monitor", "tags", "float32_matmul_precision"):
        del saved[key]
    for callback in saved["callbacks"].values():
        callback.pop("monitor", None)
    saved["callbacks"]["best_checkpoint"] |= {"monitor": "val/si_sdr", "mode": "max"}
    saved["trainer"]["max_epochs"] = 5
    OmegaConf.save(OmegaConf.create(saved), tmp_path / "config.yaml")
    returned = run(songs_root, tmp_path, f"resume={tmp_path}")
    assert returned >= max(scores(tmp_path, "val/si_sdr").values()) - 1e-4
    assert OmegaConf.load(tmp_path / "config.yaml").monitor == "val/si_sdr"


@pytest.mark.parametrize("monitor", ["val/si_sdr", "val/sdr"])
def test_an_older_run_keeps_its_score(monitor):
    cfg = with_monitor(TrainConfig.checked(old_config(monitor)))
    assert cfg.monitor == monitor
    judges = "best_checkpoint", "candidates", "curves", "prune"
    assert {cfg.callbacks[name].arguments["monitor"] for name in judges} == {monitor}
    assert monitor_of({}) == Monitor("val/si_sdr")


def test_the_best_checkpoints_key_alone_moves_all_judges():
    cfg = with_monitor(composed("train", "callbacks.best_checkpoint.monitor=val/si_sdr"))
    monitors = {cfg.callbacks[name].arguments["monitor"] for name in ("candidates", "curves")}
    assert {cfg.monitor} == monitors == {"val/si_sdr"}


def test_an_older_candidate_and_result_are_read(tmp_path, tiny_model):
    from bsroformer.checkpoints.save import save_weights

    save_weights(tiny_model, tmp_path / "a.ckpt", {"validation": {"step": 3, "si_sdr": 2.5}})
    assert score_of(tmp_path / "a.ckpt") == score_of(tmp_path / "a.ckpt", Monitor("val/si_sdr")) == 2.5
    assert score_of(tmp_path / "a.ckpt", Monitor("val/sdr")) is None
    old = {"status": "done", "overrides": ["a=1"], "si_sdr": 2.5, "seconds": 1.0, "reason": ""}
    (tmp_path / RESULT_FILE).write_text(json.dumps(old))
    assert read_result(tmp_path) == Result("done", ("a=1",), 2.5, 1.0, "", "val/si_sdr")


def test_a_low_loss_is_a_good_one(tmp_path):
    assert Candidates(str(tmp_path), 2, "val/loss").monitor.mode == "min"
    pruner = MedianPruner(str(tmp_path), 0, 1, "val/loss")
    assert pruner.monitor.gain(0.5) > pruner.monitor.gain(0.7) > pruner.monitor.gain(math.nan)
