"""Time budgets, by a clock that advances by one second with each measured batch."""

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks import budget
from bsroformer.training.callbacks.budget import Budget
from support.launched import SMALL_RUN, launch
from support.runs import batches_recorded

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]

RUN = (
    *SMALL_RUN,
    "~callbacks.curves",
    "~callbacks.progress",
    "trainer.max_steps=1",
    "trainer.log_every_n_steps=1",
    "scheduler.warmup_steps=1",
)
TIMED = ("callbacks=[default,budget]", "callbacks.budget.clock=processor")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = 0
    learn = budget.trial_loss

    def trial_loss(*args: Any) -> torch.Tensor:
        nonlocal batches
        batches += 1
        return learn(*args)

    monkeypatch.setattr(budget, "trial_loss", trial_loss)
    monkeypatch.setitem(budget.CLOCKS, "processor", lambda: float(batches))


def run(songs_root: Path, folder: Path, *overrides: str) -> dict[str, Any]:
    """Train, and read the last checkpoint."""
    launch("train", *RUN, f"data.root={songs_root}", f"paths.output_dir={folder}", *overrides)
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def seconds(value: float) -> str:
    return f"callbacks.budget.seconds={value}"


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("accumulated", "steps"), [(1, 6), (2, 3)])
def test_a_run_and_its_schedule_end_with_the_steps_that_fit(songs_root, tmp_path, capsys, accumulated, steps):
    changes = f"trainer.accumulate_grad_batches={accumulated}", "trainer.max_epochs=1", "scheduler.final=0.25"
    done = run(songs_root, tmp_path, *TIMED, seconds(6), *changes)
    assert done["global_step"] == steps
    assert (
        f"{steps} steps long, as many as fit into 6 s, {accumulated} s of processor time each"
        in capsys.readouterr().out
    )
    [schedule] = done["lr_schedulers"]
    assert schedule["_last_lr"] == pytest.approx([0.25 * rate for rate in schedule["base_lrs"]])


@pytest.mark.usefixtures("clock")
def test_measuring_has_no_side_effects(songs_root, tmp_path):
    timed = run(songs_root, tmp_path / "timed", *TIMED, seconds(3))
    counted = run(songs_root, tmp_path / "counted", "trainer.max_steps=3")
    assert timed["global_step"] == counted["global_step"]
    for entry in ("state_dict", "optimizer_states", "lr_schedulers"):
        torch.testing.assert_close(timed[entry], counted[entry], rtol=0, atol=0)


@pytest.mark.usefixtures("clock")
def test_a_budget_allows_at_least_one_step(songs_root, tmp_path):
    assert run(songs_root, tmp_path, *TIMED, seconds(0.001))["global_step"] == 1


@pytest.fixture
def cut_off(songs_root: Path, tmp_path: Path, clock: None) -> list[str]:
    """Cut a run of five steps after the third; return the override to resume it."""
    with batches_recorded(until=3):
        run(songs_root, tmp_path / "run", *TIMED, seconds(5))
    return [f"ckpt_path={tmp_path}/run/checkpoints/last.ckpt"]


def test_a_resumed_run_makes_the_steps_planned_at_first(songs_root, tmp_path, cut_off, capsys):
    uninterrupted = run(songs_root, tmp_path / "uninterrupted", *TIMED, seconds(5))
    resumed = run(songs_root, tmp_path / "run", *TIMED, seconds(50), *cut_off)
    assert "5 steps long, as many as it was to make at first" in capsys.readouterr().out
    assert resumed["global_step"] == uninterrupted["global_step"] == 5
    for entry in ("state_dict", "optimizer_states", "lr_schedulers"):
        torch.testing.assert_close(resumed[entry], uninterrupted[entry], rtol=0, atol=0)


def test_a_run_without_a_budget_is_refused_one_on_resume(songs_root, tmp_path, capsys):
    run(songs_root, tmp_path)
    with pytest.raises(SystemExit):
        run(songs_root, tmp_path, *TIMED, seconds(1), f"ckpt_path={tmp_path}/checkpoints/last.ckpt")
    assert (
        "had no time budget, so its number of steps is set already; remove callbacks.budget" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("time", "clock", "message"),
    [
        (0, "wall", r"callbacks\.budget\.seconds=0 must be above 0"),
        (float("nan"), "wall", r"callbacks\.budget\.seconds=nan must be above 0"),
        (1, "sun", r"callbacks\.budget\.clock=sun must be one of wall, processor"),
    ],
)
def test_an_invalid_time_or_clock_is_refused(time, clock, message):
    with pytest.raises(InputError, match=message):
        Budget(time, clock)


def test_the_clocks_are_monotonic():
    for clock in budget.CLOCKS.values():
        before = clock()
        assert clock() >= before


class Ticking:
    """Optimiser steps of a fixed duration, by a clock of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, each: float) -> None:
        self.time, self.steps = 0.0, 0
        monkeypatch.setitem(budget.CLOCKS, "wall", lambda: self.time)
        monkeypatch.setattr(budget, "trial_steps", lambda *_: self.steps_of(each))

    def steps_of(self, each: float) -> Generator[None, None, None]:
        while True:
            self.steps += 1
            self.time += 20 if self.steps == 1 else each  # the first compiles
            yield


@pytest.mark.parametrize(
    ("each", "accumulated", "run", "steps"),
    [
        (0.1, 1, 1e6, 100),  # ten seconds
        (5.0, 16, 1e6, 4),  # four steps of the optimiser
        (0.25, 1, 90, 12),  # a dozen batches, as ever
        (5.0, 16, 90, 1),  # no more than a twentieth of the run
    ],
)
def test_enough_steps_and_seconds_are_timed(monkeypatch, each, accumulated, run, steps):
    ticking = Ticking(monkeypatch, each)
    trainer = SimpleNamespace(accumulate_grad_batches=accumulated)
    assert budget.step_seconds(trainer, None, "wall", run) == pytest.approx(each)
    warm_up = 1 + -(-budget.WARM_UP_BATCHES // accumulated)
    assert ticking.steps - warm_up == pytest.approx(steps, abs=1)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_compiled_model_is_timed_compiled(tiny_model, monkeypatch, compiled):
    monkeypatch.setattr(torch, "compile", lambda function, *_, **__: function)
    if compiled:
        tiny_model.compile_blocks()
    module = SeparationModule(tiny_model, torch.nn.Identity(), lambda groups: None, lambda optimizer, steps: None)
    trial = budget.trial_copy(module)
    assert trial.model.compiled == module.model.compiled == compiled
    assert all(torch.equal(*pair) for pair in zip(trial.parameters(), module.parameters(), strict=True))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("time", "steps"), [(3, 3), (50, 6)])
def test_a_shortening_budget_never_lengthens_a_run(songs_root, tmp_path, time, steps):
    done = run(
        songs_root,
        tmp_path,
        *TIMED,
        "callbacks.budget.shorten=true",
        "trainer.max_steps=6",
        seconds(time),
        "scheduler.final=0.25",
    )
    assert done["global_step"] == steps
    [schedule] = done["lr_schedulers"]
    assert schedule["_last_lr"] == pytest.approx([0.25 * rate for rate in schedule["base_lrs"]])
