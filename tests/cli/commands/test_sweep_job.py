import math

import pytest
from omegaconf import OmegaConf

from bsroformer.cli.commands.train.sweep import sweep_job as module
from bsroformer.cli.commands.train.sweep.sweep_job import sweep_job
from bsroformer.errors import InputError
from bsroformer.training.sweep.job_result import Result, read_result, update_result, write_result

CFG = OmegaConf.create()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a sweep's job that has started."""
    monkeypatch.setattr(module, "job_folder", lambda: tmp_path)
    write_result(tmp_path, Result(overrides=("optimizer.lr=1",)))
    return tmp_path


def raising(error: BaseException):
    def script(cfg) -> float:
        raise error

    return script


@pytest.mark.parametrize(("score", "kept"), [(3.5, 3.5), (math.nan, None)])
def test_a_job_writes_its_score(folder, score, kept):
    assert sweep_job(lambda cfg: score)(CFG) == kept
    result = read_result(folder)
    assert (result.status, result.score, result.overrides) == ("done", kept, ("optimizer.lr=1",))
    assert result.seconds >= 0


def test_a_pruned_job_stays_pruned(folder):
    def script(cfg) -> float:
        update_result(folder, status="pruned")
        return 1.0

    assert sweep_job(script)(CFG) == 1.0
    assert read_result(folder).status == "pruned"


@pytest.mark.parametrize(
    ("error", "reason", "traced"),
    [
        (InputError("data.root names\nnothing; set it"), "data.root names nothing; set it", False),
        (RuntimeError("oops"), "RuntimeError: oops", True),
    ],
)
def test_a_failed_job_is_reported_and_ends_no_other(folder, capsys, error, reason, traced):
    assert sweep_job(raising(error))(CFG) is None  # NaN would end a search by Optuna
    result = read_result(folder)
    assert (result.status, result.reason) == ("failed", reason)
    printed = capsys.readouterr().err
    assert reason in printed
    assert ("Traceback" in printed) == traced


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(130)])
def test_what_ends_the_whole_sweep_passes(folder, end):
    with pytest.raises(type(end)):
        sweep_job(raising(end))(CFG)
    assert read_result(folder).status == "unfinished"


def test_outside_of_a_sweep_errors_stay_errors():
    with pytest.raises(InputError):
        sweep_job(raising(InputError("no")))(CFG)
