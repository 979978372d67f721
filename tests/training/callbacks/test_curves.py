import math
from types import SimpleNamespace

import pytest
import torch

from bsroformer.report.metrics_csv import read_rows, write_rows
from bsroformer.training.callbacks.curves import Curves
from bsroformer.training.module import SeparationModule

PNG = b"\x89PNG"


@pytest.fixture
def module(tiny_model) -> SeparationModule:
    return SeparationModule(tiny_model, torch.nn.Identity(), lambda groups: None, lambda optimizer, steps: None)


def state(step: int, **metrics: float) -> SimpleNamespace:
    """A trainer after a step, with metrics under names such as `train_loss`."""
    logged = {name.replace("_", "/", 1): torch.tensor(value) for name, value in metrics.items()}
    return SimpleNamespace(
        global_step=step,
        log_every_n_steps=10,
        sanity_checking=False,
        is_global_zero=True,
        callback_metrics=logged,
    )


def test_rows_follow_the_loggers_interval_and_validations(tmp_path, module):
    curves = Curves(str(tmp_path))
    for step in (5, 10, 15, 20):
        curves.on_train_batch_end(state(step, train_loss=float(step), val_si_sdr=-1.0))
    curves.on_validation_end(state(22, train_loss=0.0, val_si_sdr=2.0), module)
    assert read_rows(tmp_path / "metrics.csv") == {
        10: {"train/loss": 7.5},  # the mean of what came since the last row
        20: {"train/loss": 17.5},
        22: {"val/si_sdr": 2},
    }


def test_an_accumulated_step_has_one_row_when_complete(tmp_path, module):
    curves = Curves(str(tmp_path))
    for step, loss in ((0, 1.0), (0, 2.0), (10, 3.0), (10, 4.0)):
        curves.on_train_batch_end(state(step, train_loss=loss))
    curves.on_validation_end(state(10, val_si_sdr=2.0), module)
    curves.on_train_batch_end(state(10, train_loss=5.0))
    assert curves.rows == {10: {"train/loss": 2, "val/si_sdr": 2}}


def test_metrics_over_several_steps_are_not_averaged(tmp_path, module):
    curves = Curves(str(tmp_path))
    for step in (9, 10):
        curves.on_train_batch_end(state(step, train_audio_seconds_per_second=float(step), train_memory_gib=2.0))
    assert curves.rows == {10: {"train/audio_seconds_per_second": 10, "train/memory_gib": 2}}


def test_a_checkpoint_writes_the_rows(tmp_path, module):
    curves = Curves(str(tmp_path))
    curves.on_save_checkpoint(state(0), module, {})
    assert not (tmp_path / "metrics.csv").exists()
    curves.on_train_batch_end(state(10, train_loss=3.0))
    curves.on_save_checkpoint(state(12), module, {})
    assert read_rows(tmp_path / "metrics.csv") == {10: {"train/loss": 3}}


def test_curves_that_cannot_be_written_are_a_warning(tmp_path, module):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match=r"Training continues: .*metrics\.csv cannot be written"):
        Curves(str(tmp_path / "file" / "run")).on_validation_end(state(3, val_si_sdr=2.0), module)


def test_curves_are_plotted_after_validation(tmp_path, module):
    Curves(str(tmp_path)).on_validation_end(state(3, val_si_sdr=2.0), module)
    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize("change", [{"sanity_checking": True}, {"is_global_zero": False}])
def test_the_sanity_check_and_other_ranks_write_no_curves(tmp_path, module, change):
    trainer = state(0, val_si_sdr=2.0)
    vars(trainer).update(change)
    Curves(str(tmp_path / "run")).on_validation_end(trainer, module)
    assert not (tmp_path / "run").exists()


def test_curves_continue_at_the_resumed_step(tmp_path, module):
    write_rows(tmp_path / "metrics.csv", {step: {"train/loss": float(step)} for step in (10, 20, 30)})
    curves = Curves(str(tmp_path))
    curves.on_train_start(state(20), module)  # the last checkpoint was of step 20
    curves.on_train_batch_end(state(30, train_loss=7.0))
    curves.on_validation_end(state(31, val_si_sdr=2.0), module)
    assert read_rows(tmp_path / "metrics.csv") == {
        10: {"train/loss": 10},
        20: {"train/loss": 20},
        30: {"train/loss": 7},
        31: {"val/si_sdr": 2},
    }


def test_a_new_run_in_a_folder_starts_new_curves(tmp_path, module):
    write_rows(tmp_path / "metrics.csv", {10: {"train/loss": 1.0}})
    curves = Curves(str(tmp_path))
    curves.on_train_start(state(0), module)
    curves.on_validation_end(state(5, val_si_sdr=2.0), module)
    assert read_rows(tmp_path / "metrics.csv") == {5: {"val/si_sdr": 2}}


def test_means_skip_nan_and_infinity(tmp_path, module):
    curves = Curves(str(tmp_path))
    for step, loss in ((8, 1.0), (9, math.nan), (10, 3.0), (20, math.inf), (30, 5.0)):
        curves.on_train_batch_end(state(step, train_loss=loss, train_gradient_norm=loss))
    assert curves.rows == {
        10: {"train/loss": 2, "train/gradient_norm": 3},
        20: {},
        30: {"train/loss": 5, "train/gradient_norm": 5},
    }
