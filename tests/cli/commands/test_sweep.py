import csv
from pathlib import Path

import pytest
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from bsroformer.cli.commands.train.sweep.sweep import SweepTable, check_sweep, installed, varied_keys
from bsroformer.cli.commands.train.sweep.sweep_table import markdown, table_rows, write_tables
from bsroformer.errors import InputError
from bsroformer.report.metrics_csv import write_rows
from bsroformer.report.monitor import Monitor
from bsroformer.training.sweep.job_result import Result, write_result
from support.launched import composed

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


def job(sweep: Path, name: str, rate: str, result: Result, steps: int | None = None) -> None:
    """A job that was given this learning rate."""
    write_result(sweep / name, Result(result.status, ("model=tiny", f"optimizer.lr={rate}"), *values(result)))
    if steps:
        write_rows(sweep / name / "metrics.csv", {step: {"val/si_sdr": 0.0} for step in range(1, steps + 1)})


def values(result: Result) -> tuple[float | None, float | None, str]:
    return result.score, result.seconds, result.reason


@pytest.fixture
def sweep(tmp_path) -> Path:
    job(tmp_path, "0", "1e-4", Result("done", (), 3.0, 60.0), 5)
    job(tmp_path, "1", "x", Result("failed", (), None, 0.5, "optimizer.lr=x | must be a number"))
    job(tmp_path, "2", "0.0012345678", Result("done", (), 5.256, 61.04), 5)
    job(tmp_path, "3", "1.0", Result("pruned", (), -1.0, 20.0), 2)
    job(tmp_path, "10", "2e-4", Result("unfinished"), 1)
    return tmp_path


def test_the_table_ranks_jobs_without_a_score_last(sweep):
    rows = table_rows(sweep, ["optimizer.lr"])
    assert [row["job"] for row in rows] == ["2", "0", "3", "10", "1"]
    assert [row["val/si_sdr"] for row in rows] == [5.256, 3.0, -1.0, None, None]
    assert [row["steps"] for row in rows] == [5, 5, 2, 1, None]
    assert [row["status"] for row in rows] == ["done", "done", "pruned", "unfinished", "failed"]
    assert rows[0]["optimizer.lr"] == "0.0012345678"


def test_the_table_is_written_for_programs_and_for_people(sweep):
    rows = write_tables(sweep, ["optimizer.lr"])
    with (sweep / "sweep.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == ["job", "optimizer.lr", "val/si_sdr", "steps", "seconds", "status", "reason"]
    assert [row["job"] for row in read] == [row["job"] for row in rows]
    assert read[0]["seconds"] == "61.0"
    text = (sweep / "sweep.md").read_text()
    assert "| 2 | 0.001235 | 5.26 | 5 | 1:01 | done |\n" in text
    assert "| 1 | x |  |  | 0:00 | failed: optimizer.lr=x \\| must be a number |\n" in text
    assert len({line.replace("\\|", "").count("|") for line in text.splitlines()}) == 1


def test_an_empty_sweep_has_an_empty_table(tmp_path):
    assert markdown(write_tables(tmp_path, []), []).count("\n") == 2


def hydra(tmp_path: Path, *task: str, **settings: object) -> DictConfig:
    """Hydra's configuration of a sweep or of its job 0."""
    tree = {
        "overrides": {"task": list(task)},
        "sweep": {"dir": str(tmp_path)},
        "runtime": {"output_dir": str(tmp_path / "0"), "choices": {"hydra/launcher": "mine", "hydra/sweeper": "basic"}},
        "launcher": {"_target_": BASIC},
        "sweeper": {"_target_": BASIC, "params": None},
    }
    return OmegaConf.create({"hydra": tree | settings, "trainer": {"devices": 1}})


def test_varied_keys_are_the_command_lines_and_the_sweepers(tmp_path):
    config = hydra(tmp_path, "model=tiny", "data.stems=[a,b]", "optimizer.lr=1,2", "+loss.x=range(3)")
    assert varied_keys(config) == ["optimizer.lr", "+loss.x"]
    searched = hydra(tmp_path, "optimizer.lr=1,2", sweeper={"params": {"optimizer.lr": "x", "loss.si_sdr": "y"}})
    assert varied_keys(searched) == ["optimizer.lr", "loss.si_sdr"]


def test_a_job_that_was_cut_off_is_in_the_table_of_the_next_one(tmp_path):
    table = SweepTable()
    table.on_multirun_start(hydra(tmp_path, "optimizer.lr=1,2"))
    table.on_job_start(hydra(tmp_path, "optimizer.lr=1"))
    table.on_job_end(hydra(tmp_path, "optimizer.lr=1"), JobReturn())
    assert "| 0 | 1 |  |  |  | unfinished |\n" in (tmp_path / "sweep.md").read_text()


def test_a_single_run_writes_no_table(tmp_path):
    table = SweepTable()
    table.on_job_start(hydra(tmp_path, "optimizer.lr=1"))
    table.on_job_end(hydra(tmp_path, "optimizer.lr=1"), JobReturn())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failing", [True, False])
def test_a_sweep_in_which_a_job_failed_ends_with_a_status(tmp_path, capsys, failing):
    table = SweepTable()
    config = hydra(tmp_path, "optimizer.lr=1,2")
    table.on_multirun_start(config)
    job(tmp_path, "0", "1", Result("done", (), 1.0, 1.0))
    job(tmp_path, "1", "2", Result("failed" if failing else "pruned", (), None, 1.0))
    if failing:
        with pytest.raises(SystemExit) as ended:
            table.on_multirun_end(config)
        assert ended.value.code == 1
    else:
        table.on_multirun_end(config)
    printed = capsys.readouterr().out
    assert (tmp_path / "sweep.md").read_text() in printed
    assert f"The table is in {tmp_path / 'sweep.csv'}" in printed
    assert ("1 of 2 jobs failed" in printed) == failing


def test_a_sweep_does_not_start_in_the_folder_of_another(tmp_path):
    job(tmp_path, "0", "1", Result("done", (), 1.0, 1.0))
    with pytest.raises(InputError, match=r"holds a sweep already; resume=auto resumes its jobs"):
        check_sweep(hydra(tmp_path))


def test_a_sweep_has_one_monitor(tmp_path):
    with pytest.raises(InputError, match="give monitor one value"):
        check_sweep(hydra(tmp_path, "monitor=val/sdr,val/loss"))


def test_a_job_of_another_monitor_has_no_score_in_the_table(tmp_path):
    write_result(tmp_path / "0", Result("done", (), 3.0, 1.0, monitor="val/loss"))
    write_result(tmp_path / "1", Result("done", (), 5.0, 1.0, monitor="val/sdr"))
    rows = table_rows(tmp_path, [], Monitor("val/sdr"))
    assert [(row["job"], row["val/sdr"]) for row in rows] == [("1", 5.0), ("0", None)]


def test_a_missing_launcher_is_reported_before_the_first_job(tmp_path):
    with pytest.raises(InputError, match=r'hydra/launcher=mine needs a package.*pip install -e "\.\[sweep\]"'):
        check_sweep(hydra(tmp_path, launcher={"_target_": "hydra_plugins.nowhere.launcher.Launcher"}))
    check_sweep(hydra(tmp_path))
    assert not installed("nowhere_at_all.module")


@pytest.mark.parametrize("launcher", ["processes", "slurm"])
def test_a_launcher_is_one_that_its_package_has(launcher):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    from dataclasses import fields

    from hydra.utils import get_class
    from hydra_plugins.hydra_joblib_launcher.config import JobLibLauncherConf
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    conf = {"processes": JobLibLauncherConf, "slurm": SlurmQueueConf}[launcher]
    chosen = with_hydra(f"hydra/launcher={launcher}")
    assert get_class(chosen.hydra.launcher._target_)
    assert chosen.hydra.launcher.keys() <= {field.name for field in fields(conf)} | {"_target_"}


def test_the_search_is_one_that_optuna_takes():
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    import inspect

    from hydra.utils import get_class, instantiate

    chosen = with_hydra("hparams_search=optuna")
    sweeper = chosen.hydra.sweeper
    inspect.signature(get_class(sweeper._target_)).bind(**{k: sweeper[k] for k in sweeper if k != "_target_"})
    assert instantiate(sweeper.sampler)
    assert sweeper.direction == "maximize"  # the return value of a training, its best SDR
    assert with_hydra("hparams_search=optuna", "monitor=val/loss").hydra.sweeper.direction == "minimize"
    for key in sweeper.params:
        assert OmegaConf.select(chosen, key) is not None
    assert chosen.callbacks.prune._target_ == "bsroformer.training.callbacks.prune.MedianPruner"
    assert "prune" not in composed("train").callbacks


def with_hydra(*overrides: str) -> DictConfig:
    """The tree of a training, with Hydra's own settings."""
    from hydra import compose, initialize_config_dir

    from support.launched import CONFIGS

    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("train", list(overrides), return_hydra_config=True)
