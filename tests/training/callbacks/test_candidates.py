"""The weights of a run's best validations."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bsroformer import load_model
from bsroformer.errors import InputError
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.candidates import Candidates, score_of
from bsroformer.training.callbacks.ema import Ema


@pytest.fixture
def module(tiny_model) -> SeparationModule:
    return SeparationModule(tiny_model, torch.nn.Identity(), lambda groups: None, lambda optimizer, steps: None)


def trainer(step: int, score: float = 0.0, **changes) -> SimpleNamespace:
    state = {
        "global_step": step,
        "callback_metrics": {"val/si_sdr": torch.tensor(score)},
        "sanity_checking": False,
        "is_global_zero": True,
        "callbacks": [],
    }
    return SimpleNamespace(**state | changes)


def validated(candidates: Candidates, module: SeparationModule, scores: dict[int, float]) -> None:
    for step, score in scores.items():
        candidates.on_validation_end(trainer(step, score), module)


def names(candidates: Candidates) -> list[str]:
    """Names of the files, the best first; assert that there are no others."""
    best_first = candidates.best_first
    assert sorted(best_first) == sorted(candidates.folder.iterdir())
    return [path.stem for path in best_first]


def test_the_best_are_kept_with_their_scores(tmp_path, module):
    candidates = Candidates(str(tmp_path / "kept"), 3)
    validated(candidates, module, {10: 1.0, 20: 5.0, 30: -2.0, 40: 3.0, 50: 3.0, 60: float("nan"), 70: 0.0})
    assert names(candidates) == ["step-000020", "step-000040", "step-000050"]
    assert [score_of(path) for path in candidates.best_first] == [5, 3, 3]


def test_a_step_that_is_validated_again_counts_once(tmp_path, module):
    candidates = Candidates(str(tmp_path / "kept"), 2)
    validated(candidates, module, {10: 1.0})
    validated(candidates, module, {10: 1.0, 20: 2.0})
    assert names(candidates) == ["step-000020", "step-000010"]


def test_a_candidate_is_the_averaged_model(tmp_path, module):
    ema = Ema(3.0)
    run = trainer(10, 1.0, callbacks=[ema])
    ema.setup(run, module, "fit")
    expected = {name: weight.clone() for name, weight in module.model.state_dict().items()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1)
    candidates = Candidates(str(tmp_path), 2)
    candidates.on_validation_end(run, module)
    kept = load_model(tmp_path / "step-000010.ckpt")
    assert kept.settings == module.model.settings
    assert all(torch.equal(kept.state_dict()[name], weight) for name, weight in expected.items())


@pytest.mark.parametrize("cut", range(5))
def test_a_resumed_run_keeps_the_same_candidates(tmp_path, module, cut):
    scores = {10: 3.0, 20: 1.0, 30: 4.0, 40: 1.5, 50: 2.0}
    whole = Candidates(str(tmp_path / "whole"), 2)
    validated(whole, module, scores)
    validated(Candidates(str(tmp_path / "parts"), 2), module, dict(list(scores.items())[: cut + 1]))
    resumed = Candidates(str(tmp_path / "parts"), 2)
    run = trainer(10)  # from a checkpoint that is older than the last validation
    resumed.setup(run, module, "fit")
    resumed.on_train_start(run, module)
    validated(resumed, module, {step: score for step, score in scores.items() if step > 10})
    assert names(resumed) == names(whole) == ["step-000030", "step-000010"]


def test_a_new_run_in_a_folder_starts_without_candidates(tmp_path, module):
    validated(Candidates(str(tmp_path / "kept"), 2), module, {10: 9.0})
    again = Candidates(str(tmp_path / "kept"), 2)
    again.setup(trainer(0), module, "fit")
    again.on_train_start(trainer(0), module)
    validated(again, module, {20: 1.0})
    assert names(again) == ["step-000020"]


def test_damaged_and_foreign_files_are_skipped(tmp_path, module, caplog):
    validated(Candidates(str(tmp_path), 3), module, {10: 1.0, 20: 2.0})
    (tmp_path / "step-000010.ckpt").write_bytes(b"PK torn")
    torch.save({"state_dict": {}}, tmp_path / "mine.ckpt")
    resumed = Candidates(str(tmp_path), 3)
    resumed.setup(trainer(20), module, "fit")
    assert [path.stem for path in resumed.best_first] == ["step-000020"]
    assert caplog.text.count("holds no validated weights") == 2


def test_a_full_disk_is_a_warning(tmp_path, module, caplog):
    (tmp_path / "kept").write_text("a file, where a folder should be made")
    candidates = Candidates(str(tmp_path / "kept"), 2)
    validated(candidates, module, {10: 1.0})
    assert candidates.best_first == []
    assert "Weights to average were not kept" in caplog.text


@pytest.mark.parametrize("changes", [{"sanity_checking": True}, {"is_global_zero": False}])
def test_the_sanity_check_and_other_ranks_keep_none(tmp_path, module, changes):
    Candidates(str(tmp_path), 2).on_validation_end(trainer(1, 5.0, **changes), module)
    Candidates(str(tmp_path), None).on_validation_end(trainer(1, 5.0), module)
    assert not list(Path(tmp_path).iterdir())


@pytest.mark.parametrize("count", [1, 0, -3, 2.5, True, "all"])
def test_an_invalid_count_is_refused(count):
    with pytest.raises(InputError, match=rf"average_best={count} must be 2 or more"):
        Candidates("kept", count)
