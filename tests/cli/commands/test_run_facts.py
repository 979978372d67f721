import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bsroformer.cli.commands.train import run_facts
from bsroformer.cli.commands.train.build import build_logger
from bsroformer.cli.commands.train.run_facts import model_hash, record_run
from bsroformer.cli.program_facts import GitState, without_secrets
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.launched import composed

CLEAN = GitState("abc", "trunk", False, "")
DIRTY = GitState("abc", "trunk", True, "diff")


class Logger:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.logged: dict[str, Any] = {}

    def log_hyperparams(self, params: dict[str, Any]) -> None:
        self.logged |= params


@pytest.fixture
def trainer() -> SimpleNamespace:
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    return SimpleNamespace(strategy=strategy, world_size=1, precision="32-true", logger=Logger())


def started(
    folder: Path, trainer, model, monkeypatch, git: GitState | None = None, resumed: str | None = None
) -> list[dict[str, Any]]:
    """All starts of a run after one more."""
    monkeypatch.setattr(run_facts, "git_state", lambda: git)
    record_run(composed("train", "data.root=x", f"paths.output_dir={folder}"), trainer, model, resumed)
    return json.loads((folder / "run.json").read_text("utf-8"))["starts"]


def test_each_start_of_a_run_is_an_entry(tmp_path, trainer, tiny_model, monkeypatch):
    started(tmp_path, trainer, tiny_model, monkeypatch)
    first, second = started(tmp_path, trainer, tiny_model, monkeypatch, resumed="last.ckpt")
    assert (first["resumed_from"], second["resumed_from"]) == (None, "last.ckpt")
    assert first["torch"] == torch.__version__
    assert first["parameters"] == sum(parameter.numel() for parameter in tiny_model.parameters())
    assert first["git"] is None


def test_tags_are_facts_of_a_run(tmp_path, trainer, tiny_model):
    cfg = composed("train", "data.root=x", f"paths.output_dir={tmp_path}", "tags=[musdb,first]")
    record_run(cfg, trainer, tiny_model, None)
    [start] = json.loads((tmp_path / "run.json").read_text("utf-8"))["starts"]
    assert start["tags"] == ["musdb", "first"]
    assert build_logger(cfg.logger, cfg.tags)._wandb_init["tags"] == ["musdb", "first"]


def test_the_facts_are_logged_with_the_configuration(tmp_path, trainer, tiny_model, monkeypatch):
    [facts] = started(tmp_path, trainer, tiny_model, monkeypatch, CLEAN)
    assert trainer.logger.logged["run"] == facts
    assert trainer.logger.logged["data"]["root"] == "x"
    trainer.logger = None
    started(tmp_path, trainer, tiny_model, monkeypatch)


def test_changes_of_each_start_are_kept(tmp_path, trainer, tiny_model, monkeypatch):
    for git in (DIRTY, CLEAN, GitState("abc", None, True, "other")):
        starts = started(tmp_path, trainer, tiny_model, monkeypatch, git)
    assert [start["git"]["patch"] for start in starts] == ["changes.patch", None, "changes-3.patch"]
    assert (tmp_path / "changes.patch").read_text() == "diff"
    assert (tmp_path / "changes-3.patch").read_text() == "other"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"starts": 1}'])
def test_a_file_of_another_kind_does_not_stop_a_run(tmp_path, trainer, tiny_model, monkeypatch, content):
    (tmp_path / "run.json").write_text(content)
    assert len(started(tmp_path, trainer, tiny_model, monkeypatch)) == 1


def test_no_secret_is_kept(tmp_path, trainer, tiny_model, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "model=tiny", "+logger.api_key=x=y", "++wandb.Token=z"])
    [facts] = started(tmp_path, trainer, tiny_model, monkeypatch)
    assert facts["command"] == "train.py model=tiny +logger.api_key=... ++wandb.Token=..."
    assert without_secrets(["data.root=/music/key=c", "optimizer.lr=1"]) == ["data.root=/music/key=c", "optimizer.lr=1"]


def test_the_hash_of_a_model_follows_from_its_settings_alone(tiny_tree):
    settings = ModelSettings.from_dict(tiny_tree)
    hashed = model_hash(settings)
    assert hashed == model_hash(ModelSettings.from_dict(dict(reversed(tiny_tree.items()))))
    assert hashed == model_hash(BandSplitRoformer(settings).settings)
    assert hashed == model_hash(ModelSettings.from_dict(settings.model_dump()))  # with the defaults written out
    changed = tiny_tree | {"stems": ["other", "vocals"]}
    assert hashed != model_hash(ModelSettings.from_dict(changed))
