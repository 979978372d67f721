import os

import pytest
import yaml
from pydantic import ValidationError

from bsroformer.cli.resolved_config import refuse_many_processes, save_config
from bsroformer.errors import InputError
from support.launched import composed


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        composed("app").output = "elsewhere"


def test_the_run_folder_keeps_its_name():
    cfg = composed("train")
    folder = str(cfg.paths.output_dir)
    assert folder.startswith("runs/train/")
    assert cfg.trainer.arguments["default_root_dir"] == folder
    assert cfg.callbacks["best_checkpoint"].arguments["dirpath"] == f"{folder}/checkpoints"


def test_two_runs_have_two_folders():
    assert composed("train").paths.output_dir != composed("train").paths.output_dir


def test_the_environment_overrides_the_env_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("MUSDB_PATH=/music/musdb\nBSROFORMER_CACHE=/from/file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSDB_PATH", "")  # so that it is undone
    monkeypatch.delenv("MUSDB_PATH")
    monkeypatch.setenv("BSROFORMER_CACHE", "/from/environment")
    cfg = composed("train")
    assert cfg.data.root == "/music/musdb"
    assert str(cfg.paths.cache_dir) == "/from/environment"


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer=ddp"],
        ["trainer=gpu", "trainer.devices=2"],
        ["trainer.devices=-1"],
        ["+trainer.strategy=fsdp"],
        ["trainer=cpu", "trainer.num_nodes=2"],
    ],
)
def test_a_sweep_over_a_trainer_of_several_processes_is_refused(overrides):
    with pytest.raises(InputError, match=r"a sweep \(-m\) cannot run with several devices.*use trainer=gpu"):
        refuse_many_processes(composed("train", *overrides).tree)


def test_a_sweep_in_a_process_that_torchrun_started_is_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    with pytest.raises(InputError, match=r"without torchrun"):
        refuse_many_processes(composed("train", "trainer=gpu").tree)


@pytest.mark.parametrize(
    ("root", "override"),
    [
        ("train", "trainer=gpu"),
        ("train", "trainer=cpu"),
        ("train", "trainer.devices='1'"),
        ("eval", "split=test"),
    ],
)
def test_a_sweep_in_one_process_is_not(root, override):
    refuse_many_processes(composed(root, override).tree)


def test_the_saved_tree_is_resolved_and_holds_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", "5ec2e7" * 7)
    cfg = composed("train", "data=folder", "data.root=songs")
    save_config(cfg.tree, tmp_path / "new" / "run")
    text = (tmp_path / "new" / "run" / "config.yaml").read_text("utf-8")
    assert yaml.safe_load(text) == cfg.tree
    assert "${" not in text
    assert os.environ["WANDB_API_KEY"] not in text
