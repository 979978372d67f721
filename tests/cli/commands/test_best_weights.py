"""The best checkpoint of a training, and the average of the best few."""

import csv
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from bsroformer import load_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.average import average_checkpoints
from bsroformer.cli.commands.train import best_weights as best_module
from bsroformer.cli.commands.train import closing_evaluation, logged_scores
from bsroformer.cli.commands.train.best_weights import Scored, best_checkpoint
from bsroformer.training.callbacks.candidates import score_of
from support.launched import SMALL_RUN, launch

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]
BARE = ("~callbacks.previews", "~callbacks.progress")
RUN = (*SMALL_RUN, *BARE, "trainer.max_steps=-1", "trainer.max_epochs=4", "average_best=3", "scheduler.warmup_steps=0")


def run(songs_root: Path, folder: Path, *overrides: str) -> float:
    return launch("train", *RUN, f"data.root={songs_root}", f"paths.output_dir={folder}", *overrides)


@pytest.fixture(scope="module")
def folder(songs_root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run(songs_root, folder)
    return folder


def candidates(folder: Path) -> list[Path]:
    paths = (folder / "checkpoints" / "candidates").glob("*.ckpt")
    return sorted(paths, key=lambda path: -score_of(path))


def test_the_average_is_that_of_the_best_validations(folder):
    kept = candidates(folder)
    with (folder / "metrics.csv").open(newline="") as file:
        scores = {int(row["step"]): float(row["val/sdr"]) for row in csv.DictReader(file)}
    assert len(scores) == 4
    best_steps = sorted(scores, key=lambda step: -scores[step])[:3]
    assert [path.stem for path in kept] == [f"step-{step:06d}" for step in best_steps]
    assert [score_of(path) for path in kept] == [pytest.approx(scores[step]) for step in best_steps]
    expected = average_checkpoints([open_checkpoint(path) for path in kept]).state_dict()
    average = load_model(folder / "checkpoints" / "average.ckpt").state_dict()
    for name, weight in expected.items():
        torch.testing.assert_close(average[name], weight)


def test_the_best_checkpoint_is_the_best_candidate(folder):
    best = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    candidate = load_model(candidates(folder)[0]).state_dict()
    assert all(torch.equal(best["state_dict"][f"model.{name}"], weight) for name, weight in candidate.items())


def test_the_average_is_scored_as_the_training_scores(songs_root, tmp_path, monkeypatch):
    """Give the average the best candidate's score."""
    monkeypatch.setattr(best_module, "average_checkpoints", lambda opened: opened[0].model())  # the best is the first
    found = []
    validated = best_module._validated
    monkeypatch.setattr(best_module, "_validated", lambda *given: found.append(validated(*given)) or found[-1])
    run(songs_root, tmp_path)
    assert found == [pytest.approx(score_of(candidates(tmp_path)[0]), abs=1e-6)]


@pytest.mark.parametrize(("score", "chosen"), [(99.0, "average.ckpt"), (-99.0, "best.ckpt")])
def test_the_closing_evaluation_is_of_whichever_scores_higher(songs_root, tmp_path, monkeypatch, capsys, score, chosen):
    evaluated = []
    monkeypatch.setattr(logged_scores, "log_scores", lambda *_: None)
    monkeypatch.setattr(best_module, "_validated", lambda *_: score)
    monkeypatch.setattr(
        closing_evaluation,
        "evaluate_run",
        lambda folder, tracks, stems, path, console: evaluated.append(Path(path).name),
    )
    returned = run(songs_root, tmp_path, "evaluate=true", "average_best=2")
    assert evaluated == [chosen]
    best = score_of(candidates(tmp_path)[0])
    assert returned == pytest.approx(max(score, best))
    printed = " ".join(capsys.readouterr().out.split())
    assert "The average of the 2 best" in printed
    assert f"has {score:.2f} dB SDR in validation, and the best one {best:.2f} dB" in printed


def test_a_run_that_had_come_to_its_end_has_its_average_again(songs_root, tmp_path, capsys):
    first = run(songs_root, tmp_path)
    printed = "The average of the 3 best"
    assert printed in capsys.readouterr().out
    (tmp_path / "checkpoints" / "average.ckpt").unlink()
    assert run(songs_root, tmp_path, f"resume={tmp_path}") == pytest.approx(first)
    assert printed in capsys.readouterr().out
    assert (tmp_path / "checkpoints" / "average.ckpt").is_file()


def test_the_best_stays_if_no_average_can_be_written(songs_root, tmp_path, capsys):
    (tmp_path / "checkpoints" / "average.ckpt").mkdir(parents=True)  # where the file should be
    assert run(songs_root, tmp_path) == pytest.approx(score_of(candidates(tmp_path)[0]))
    assert "No average was written: " in capsys.readouterr().out


def test_too_few_validations_make_no_average(songs_root, tmp_path, capsys):
    run(songs_root, tmp_path, "trainer.max_epochs=1")
    assert "No average was written: 1 validation had a score" in capsys.readouterr().out
    assert not (tmp_path / "checkpoints" / "average.ckpt").exists()


def test_averaging_without_candidates_is_refused(songs_root, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(songs_root, tmp_path, "~callbacks.candidates")
    assert "average_best=3 needs the callback candidates" in capsys.readouterr().err


@pytest.mark.parametrize(("best", "measured", "score"), [(3.0, 2.0, 3.0), (None, 2.0, 2.0), (None, None, float("nan"))])
def test_a_sweep_compares_the_best_validation_score(tmp_path, best, measured, score):
    metrics = {} if measured is None else {"val/si_sdr": torch.tensor(measured)}
    callback = None
    if best is not None:
        callback = ModelCheckpoint(tmp_path)
        callback.best_model_score = torch.tensor(best)
        callback.best_model_path = "best.ckpt"
    found = best_checkpoint(SimpleNamespace(checkpoint_callback=callback, callback_metrics=metrics))
    assert found.path == ("" if best is None else "best.ckpt")
    assert isinstance(found, Scored) and found.score == pytest.approx(score, nan_ok=True)
