import json

import pytest
import torch

from bsroformer.training.callbacks.profile import Profile
from support.trainers import excerpts, loader, module, trainer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")


@pytest.mark.parametrize("accumulated", [1, 2])
def test_whole_steps_after_the_first_are_profiled(tiny_model, tmp_path, capsys, accumulated):
    profile = Profile(str(tmp_path), steps=2)
    run = trainer(limit_val_batches=0, accumulate_grad_batches=accumulated, callbacks=[profile])
    run.fit(module(tiny_model), loader(excerpts(5 * accumulated), batch_size=1))
    assert "Optimizer.step" in (tmp_path / "profile.txt").read_text("utf-8")
    events = json.loads((tmp_path / "profile.json").read_text("utf-8"))["traceEvents"]
    assert sum(event["name"].startswith("Optimizer.step") for event in events) == 2
    assert str(tmp_path / "profile.txt") in capsys.readouterr().out


def test_a_shorter_run_is_profiled_to_its_end(tiny_model, tmp_path):
    run = trainer(limit_val_batches=0, callbacks=[Profile(str(tmp_path), steps=9)])
    run.fit(module(tiny_model), loader(excerpts(2), batch_size=1))
    assert (tmp_path / "profile.txt").is_file()


def test_a_run_of_one_step_is_too_short_to_profile(tiny_model, tmp_path, capsys):
    run = trainer(limit_val_batches=0, callbacks=[Profile(str(tmp_path), steps=9)])
    run.fit(module(tiny_model), loader(excerpts(1), batch_size=1))
    assert not (tmp_path / "profile.txt").exists()
    assert "raise trainer.max_steps" in capsys.readouterr().out
    assert torch.is_grad_enabled()
