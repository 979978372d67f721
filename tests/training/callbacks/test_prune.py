from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bsroformer.report.metrics_csv import write_rows
from bsroformer.training.callbacks.prune import MedianPruner, best_until, lags
from bsroformer.training.sweep.job_result import Result, Status, read_result, write_result


def sibling(sweep: Path, name: str, scores: dict[int, float], status: Status = "done") -> None:
    """Write a run with these scores by step, and other metrics between them."""
    rows = {step: {"val/si_sdr": score, "train/loss": 1.0} for step, score in scores.items()}
    write_rows(sweep / name / "metrics.csv", rows | {step + 1: {"train/loss": 0.9} for step in scores})
    write_result(sweep / name, Result(status))


def validated(pruner: MedianPruner, step: int, score: float, sanity_checking: bool = False) -> bool:
    """Return whether a run with this score at this step is ended."""
    metrics = {"val/si_sdr": torch.tensor(score)}
    trainer = SimpleNamespace(
        sanity_checking=sanity_checking, global_step=step, callback_metrics=metrics, should_stop=False
    )
    pruner.on_validation_end(trainer, None)
    return trainer.should_stop


@pytest.fixture
def sweep(tmp_path) -> Path:
    """Three finished runs.

    Their best scores are 1, 2 and 6 dB by step 20, and 3, 9 and 6 dB by step 30.
    """
    sibling(tmp_path, "0", {10: 1.0, 20: 0.5, 30: 3.0})
    sibling(tmp_path, "1", {10: 0.0, 20: 2.0, 30: 9.0})
    sibling(tmp_path, "2", {10: 5.0, 20: 6.0, 30: 4.0})
    return tmp_path


def pruner(sweep: Path, warmup_steps: int = 0, warmup_runs: int = 1) -> MedianPruner:
    folder = sweep / "9"
    write_result(folder, Result(overrides=("optimizer.lr=1",)))
    return MedianPruner(str(folder), warmup_steps, warmup_runs)


@pytest.mark.parametrize(
    ("step", "score", "ends"), [(20, 1.9, True), (20, 2.0, False), (30, 5.9, True), (30, 6.1, False)]
)
def test_a_run_below_the_median_of_its_siblings_ends(sweep, step, score, ends):
    assert validated(pruner(sweep), step, score) == ends
    assert read_result(sweep / "9") == Result("pruned" if ends else "unfinished", ("optimizer.lr=1",))


def test_the_best_score_so_far_counts_also_over_a_resume(sweep):
    first, second = pruner(sweep), pruner(sweep)
    assert not validated(first, 10, 2.5)
    second.load_state_dict(first.state_dict())
    for run in (first, second):
        assert not validated(run, 20, 1.0)
        assert validated(run, 30, 1.0)


def test_no_run_ends_in_the_warm_up_of_steps_or_runs(sweep):
    assert not validated(pruner(sweep, warmup_steps=21), 20, -9.0)
    assert validated(pruner(sweep, warmup_steps=20), 20, -9.0)
    assert not validated(pruner(sweep, warmup_runs=4), 20, -9.0)
    assert validated(pruner(sweep, warmup_runs=3), 20, -9.0)


@pytest.mark.parametrize("status", ["pruned", "unfinished", "failed"])
def test_unfinished_siblings_do_not_count(tmp_path, status):
    sibling(tmp_path, "0", {10: 5.0, 20: 5.0}, status)
    assert not validated(pruner(tmp_path), 10, 0.0)


def test_siblings_that_did_not_reach_the_step_do_not_count(sweep):
    assert not validated(pruner(sweep), 31, -9.0)


def test_a_run_without_siblings_never_ends(tmp_path):
    assert not validated(pruner(tmp_path), 1000, -90.0)


def test_a_run_with_nan_scores_lags(sweep):
    assert validated(pruner(sweep), 20, float("nan"))


def test_the_sanity_check_ends_nothing(sweep):
    assert not validated(pruner(sweep), 20, -9.0, sanity_checking=True)


def test_a_sibling_without_curves_or_scores_has_no_best(tmp_path):
    assert best_until(tmp_path, 1) is None
    write_rows(tmp_path / "metrics.csv", {5: {"train/loss": 1.0}})
    assert best_until(tmp_path, 1) is None
    write_rows(tmp_path / "metrics.csv", {5: {"val/si_sdr": 1.0}})
    assert best_until(tmp_path, 4) is None
    assert best_until(tmp_path, 5) == 1.0


def test_the_order_of_siblings_does_not_matter():
    assert lags(1.4, [3.0, 1.0, 2.0, 0.0], least=4) == lags(1.4, [0.0, 1.0, 2.0, 3.0], least=4) is True
    assert not lags(1.5, [3.0, 1.0, 2.0, 0.0], least=4)
