import warnings
from pathlib import Path

import pytest
import torch

from bsroformer.checkpoints.native import ENTRY, describe
from bsroformer.errors import InputError
from bsroformer.run_folder import LAST, PREVIOUS
from bsroformer.training.resume.checkpoint_io import CarefulCheckpointIO, check_archive, last_good_checkpoint


def training_checkpoint(model, step: int) -> dict:
    """A small checkpoint of a training."""
    weights = {f"model.{name}": weight for name, weight in model.state_dict().items()}
    return {
        ENTRY: describe(model.settings),
        "state_dict": weights,
        "optimizer_states": [{"state": {}, "param_groups": []}],
        "global_step": step,
    }


@pytest.fixture
def two(tiny_model, tmp_path) -> Path:
    """A folder with two checkpoints, of steps 1 and 2."""
    checkpoints = CarefulCheckpointIO()
    for step in (1, 2):
        checkpoints.save_checkpoint(training_checkpoint(tiny_model, step), tmp_path / LAST)
    return tmp_path


def step_of(path: Path) -> int:
    return torch.load(path, weights_only=True)["global_step"]


def test_the_last_and_the_previous_checkpoint_are_kept(two):
    assert (step_of(two / LAST), step_of(two / PREVIOUS)) == (2, 1)
    assert {path.name for path in two.iterdir()} == {LAST, PREVIOUS}
    assert last_good_checkpoint(two) == (two / LAST, [])


def test_other_checkpoints_are_replaced(tiny_model, tmp_path):
    checkpoints = CarefulCheckpointIO()
    for step in (1, 2):
        checkpoints.save_checkpoint(training_checkpoint(tiny_model, step), tmp_path / "best.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["best.ckpt"]
    assert step_of(tmp_path / "best.ckpt") == 2


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "torn":
        del content[len(content) // 2 :]
    elif kind == "empty":
        content.clear()
    else:  # one bit of a weight, which PyTorch would not notice
        place = content.index(b"model.final_norm") if kind == "name" else len(content) // 2
        content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["torn", "empty", "a bit"])
def test_a_damaged_checkpoint_is_skipped_for_the_previous_one(two, kind):
    damage(two / LAST, kind)
    found, skipped = last_good_checkpoint(two)
    assert found == two / PREVIOUS
    [sentence] = skipped
    assert f"{two / LAST}" in sentence
    assert "damaged" in sentence or "neither" in sentence


def test_a_run_killed_while_renaming_has_the_previous_checkpoint(two):
    (two / LAST).unlink()
    assert last_good_checkpoint(two) == (two / PREVIOUS, [])


def test_there_may_be_no_good_checkpoint(two):
    for name in (LAST, PREVIOUS):
        damage(two / name, "torn")
    found, skipped = last_good_checkpoint(two)
    assert found is None
    assert len(skipped) == 2
    assert last_good_checkpoint(two / "nowhere") == (None, [])


def test_a_full_disk_keeps_the_previous_checkpoint(two, tiny_model, monkeypatch):
    def full(entries: object, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    checkpoints = CarefulCheckpointIO()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.warns(UserWarning, match=r"No space left.*Training continues, and the previous checkpoint is kept"):
            checkpoints.save_checkpoint(training_checkpoint(tiny_model, 3), two / LAST)
    assert (step_of(two / LAST), step_of(two / PREVIOUS)) == (2, 1)
    assert {path.name for path in two.iterdir()} == {LAST, PREVIOUS}
    assert checkpoints.failed.keys() == {LAST}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checkpoints.save_checkpoint(training_checkpoint(tiny_model, 4), two / LAST)
    assert not checkpoints.failed
    assert (step_of(two / LAST), step_of(two / PREVIOUS)) == (4, 2)


def test_a_changed_bit_is_detected(two):
    check_archive(two / LAST)
    damage(two / LAST, "a bit")
    with pytest.raises(InputError, match=r"last.ckpt is damaged"):
        check_archive(two / LAST)
