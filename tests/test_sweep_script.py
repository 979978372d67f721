"""``scripts/train.py`` with several runs (``-m``) and several processes."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from support.launched import REPOSITORY, SMALL_RUN
from support.warm import environment, started

SCRIPT = str(REPOSITORY / "scripts" / "train.py")
TWO = ("trainer=ddp", "trainer.accelerator=cpu", "data.epoch_size=8", "data.valid_per_song=3")


def start(cwd: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def train(cwd: Path, songs_root: Path, *overrides: str) -> tuple[int, str]:
    """Train and return exit status and output."""
    process = start(cwd, SCRIPT, *SMALL_RUN, f"data.root={songs_root}", *overrides)
    printed = process.communicate()[0]
    return process.returncode, printed


def train_warm(cwd: Path, songs_root: Path, *overrides: str) -> tuple[int, str]:
    """Train in a process that has PyTorch loaded; return exit status and output."""
    words = *SMALL_RUN, f"data.root={songs_root}", *overrides
    return started("train", *words, cwd=cwd).ended()


def table(sweep: Path) -> list[dict[str, str]]:
    with (sweep / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def only(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


LAUNCHERS = {
    "basic": (),
    "processes": ("hydra_plugins.hydra_joblib_launcher",),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher",),
}


# The other launchers start processes that import PyTorch: 48 s of processor time for the four jobs.
@pytest.mark.parametrize(
    "launcher", ["basic", *(pytest.param(name, marks=pytest.mark.slow) for name in ("processes", "submitit_local"))]
)
def test_a_sweep_has_a_table_and_a_failing_job_spoils_no_other(songs_root, tmp_path, launcher):
    for package in LAUNCHERS[launcher]:
        pytest.importorskip(package)
    sweep = "optimizer.lr=1e-4,x,3e-4,1e-3", f"hydra/launcher={launcher}"
    status, printed = (train_warm if launcher == "basic" else train)(tmp_path, songs_root, *sweep, "-m")
    assert status == 1, printed
    assert "Traceback" not in printed
    folder = only(tmp_path / "runs" / "train")
    rows = table(folder)
    assert sorted(row["job"] for row in rows[:3]) == ["0", "2", "3"]
    assert all(row["status"] == "done" and row["steps"] == "2" for row in rows[:3])
    scores = [float(row["val/sdr"]) for row in rows[:3]]
    assert scores == sorted(scores, reverse=True)
    assert (rows[3]["job"], rows[3]["optimizer.lr"], rows[3]["status"]) == ("1", "x", "failed")
    assert rows[3]["reason"].startswith("optimizer.lr=x must be a number")
    assert (folder / "sweep.md").read_text() in printed


def test_a_search_looks_for_the_highest_score_and_prunes(songs_root, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    search = "hparams_search=optuna", "hydra.sweeper.n_trials=4", "paths.output_dir=out", "trainer.max_steps=4"
    space = "optimizer.lr=choice(1e-6,1e-2)", "scheduler.warmup_steps=1", "model.trunk.dim=8"
    prune = "callbacks.prune.warmup_steps=1", "callbacks.prune.warmup_runs=1", "monitor=val/si_sdr"
    status, printed = train_warm(tmp_path, songs_root, *search, *space, *prune, "-m")
    assert status == 0, printed
    rows = table(tmp_path / "out")
    assert len(rows) == 4
    assert {row["status"] for row in rows} <= {"done", "pruned"}
    assert rows[0]["status"] == "done"
    assert all(row["steps"] == ("2" if row["status"] == "pruned" else "4") for row in rows)
    best = max(rows, key=lambda row: float(row["val/si_sdr"]))
    results = (tmp_path / "out" / "optimization_results.yaml").read_text()
    assert f"optimizer.lr: {float(best['optimizer.lr'])}" in results.replace("1.0e-06", "1e-06")


@pytest.mark.slow
def test_two_processes_of_one_run_share_its_folder(songs_root, tmp_path):
    status, printed = train_warm(tmp_path, songs_root, *TWO, "trainer.devices=2")
    assert status == 0, printed
    folder = only(tmp_path / "runs" / "train")
    assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert printed.count("2 songs to train on") == 1


@pytest.mark.slow
def test_two_machines_under_torchrun_train_like_two_processes(songs_root, tmp_path):
    status, printed = train(tmp_path, songs_root, *TWO, "trainer.devices=2", "paths.output_dir=one")
    assert status == 0, printed
    run = *SMALL_RUN, f"data.root={songs_root}", *TWO, "trainer.devices=1", "trainer.num_nodes=2"
    meeting = "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:29641"
    machines = [start(tmp_path, "-m", "torch.distributed.run", *meeting, SCRIPT, *run) for _ in range(2)]
    for machine in machines:
        printed = machine.communicate()[0]
        assert machine.returncode == 0, printed
    weights, expected = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (only(tmp_path / "runs" / "train"), tmp_path / "one")
    )
    assert all(torch.equal(weights[name], weight) for name, weight in expected.items())
