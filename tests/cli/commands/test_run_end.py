import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bsroformer.cli.commands.train import runs_index
from bsroformer.cli.commands.train.run_end import end_recorded
from support.launched import composed


@pytest.fixture
def trainer() -> SimpleNamespace:
    return SimpleNamespace(callbacks=[], global_step=7)


def run_in(folder: Path):
    """The configuration of a run in a folder of runs, with its first start recorded."""
    folder.mkdir(parents=True)
    facts = {"starts": [{"started": "2026-01-02T03:04:05+00:00"}], "best": "checkpoints/best.ckpt"}
    (folder / "run.json").write_text(json.dumps(facts))
    return composed("train", "data.root=x", f"paths.output_dir={folder}", f"paths.runs_dir={folder.parents[1]}")


def recorded(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text("utf-8"))


def test_a_finished_run_records_its_end_and_is_in_the_index(tmp_path, trainer):
    cfg = run_in(tmp_path / "runs" / "train" / "a")
    with end_recorded(cfg, trainer):
        pass
    facts = recorded(tmp_path / "runs" / "train" / "a")
    assert (facts["starts"][-1]["end"], facts["starts"][-1]["step"]) == ("finished", 7)
    assert facts["best"] == "checkpoints/best.ckpt"
    assert "train/a" in (tmp_path / "runs" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("error", "end"), [(SystemExit(130), "stopped"), (KeyboardInterrupt(), "stopped"), (ValueError(), "failed")]
)
def test_a_run_that_ends_early_records_why(tmp_path, trainer, error, end):
    cfg = run_in(tmp_path / "runs" / "train" / "a")
    with pytest.raises(type(error)), end_recorded(cfg, trainer):
        raise error
    assert recorded(tmp_path / "runs" / "train" / "a")["starts"][-1]["end"] == end


def test_an_index_that_cannot_be_written_is_a_warning(tmp_path, trainer, monkeypatch):
    def fail(folder: Path) -> None:
        raise RuntimeError("no page")

    monkeypatch.setattr(runs_index, "write_runs_page", fail)
    cfg = run_in(tmp_path / "runs" / "train" / "a")
    with pytest.warns(UserWarning, match=r"not written: no page"), end_recorded(cfg, trainer):
        pass


def test_a_run_outside_of_the_folder_of_runs_writes_no_index(tmp_path, trainer):
    cfg = run_in(tmp_path / "runs" / "train" / "a")
    cfg = cfg.replaced({"paths.runs_dir": str(tmp_path / "other")})
    with end_recorded(cfg, trainer):
        pass
    assert not list(tmp_path.rglob("index.html"))
