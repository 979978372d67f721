import copy
import io
import itertools
from functools import partial

import pytest
import torch
from torch.optim import lr_scheduler as schedulers

from bsroformer.training.resume.reconfigure import apply_optimizer_settings, convert_schedule_state
from bsroformer.training.schedule import (
    after_warmup,
    constant_then_decay_factor,
    make_schedule,
    warmup_cosine,
    warmup_cosine_factor,
    with_run_length,
)
from support.launched import composed

STEPS, WARMUP, FINAL = 100, 10, 0.01


def factors(steps: int = STEPS, warmup: int = WARMUP, final: float = FINAL) -> list[float]:
    return [warmup_cosine_factor(step, warmup, steps, final) for step in range(steps + 1)]


def test_the_rate_rises_linearly_in_the_warm_up():
    assert factors()[:WARMUP] == pytest.approx([(step + 1) / WARMUP for step in range(WARMUP)])


def test_no_step_has_a_rate_of_zero():
    assert min(factors()) > 0


def test_the_rate_then_falls_to_the_final_share():
    falling = factors()[WARMUP:]
    assert falling[0] == 1
    assert all(later < earlier for earlier, later in itertools.pairwise(falling))
    assert falling[-1] == pytest.approx(FINAL)


def test_the_rate_is_half_way_down_half_way_through():
    assert factors()[(STEPS + WARMUP) // 2] == pytest.approx((1 + FINAL) / 2)


def test_the_rate_is_constant_past_the_end():
    assert warmup_cosine_factor(10 * STEPS, WARMUP, STEPS, FINAL) == pytest.approx(FINAL)


def test_warm_up_and_decay_are_optional():
    assert factors(warmup=0)[0] == 1
    assert set(factors(warmup=0, final=1.0)) == {1.0}


def test_a_run_shorter_than_the_warm_up_stays_in_it():
    assert factors(steps=5) == pytest.approx([(step + 1) / WARMUP for step in range(6)])


def test_an_optimizer_gets_the_rate_of_each_step():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3.0)
    scheduler = warmup_cosine(optimizer, total_steps=STEPS, warmup_steps=WARMUP, final=FINAL)
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([3.0 * factor for factor in factors()[:-1]])


# Any schedule of PyTorch's, with arguments; their own steps are the right answer.
THEN = {
    "step": partial(schedulers.StepLR, step_size=7, gamma=0.5),
    "exponential": partial(schedulers.ExponentialLR, gamma=0.9),
    "milestones": partial(schedulers.MultiStepLR, milestones=[5, 9], gamma=0.1),
    "cosine": schedulers.CosineAnnealingLR,
    "polynomial": partial(schedulers.PolynomialLR, power=2.0),
    "one cycle": partial(schedulers.OneCycleLR, max_lr=3.0),
    "restarts": partial(schedulers.CosineAnnealingWarmRestarts, T_0=6),
}


def parameter(rate: float = 3.0) -> torch.optim.Optimizer:
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def rates(optimizer: torch.optim.Optimizer, scheduler: schedulers.LRScheduler, steps: int) -> list[float]:
    """The rate of each step."""
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("name", THEN)
def test_a_schedule_of_pytorchs_follows_the_warm_up(name):
    steps, warmup = 30, 4
    alone = parameter()
    expected = rates(alone, with_run_length(THEN[name], steps - warmup)(alone), steps - warmup)
    optimizer = parameter()
    found = rates(optimizer, after_warmup(optimizer, steps, warmup, THEN[name]), steps)
    assert found[:warmup] == pytest.approx([expected[0] * (n + 1) / warmup for n in range(warmup)])
    assert found[warmup:] == pytest.approx(expected)


@pytest.mark.parametrize("name", THEN)
@pytest.mark.parametrize("until", [2, 4, 13])
def test_a_schedule_resumes_bit_for_bit(name, until):
    optimizer = parameter()
    schedule = make_schedule(partial(after_warmup, warmup_steps=4, then=THEN[name]), optimizer, 30)
    rates(optimizer, schedule, until)
    state, group = copy.deepcopy((schedule.state_dict(), optimizer.state_dict()))
    torch.save(state, file := io.BytesIO())
    expected = rates(optimizer, schedule, 30 - until)
    again = parameter()
    resumed = make_schedule(partial(after_warmup, warmup_steps=4, then=THEN[name]), again, 30)
    again.load_state_dict(group)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert rates(again, resumed, 30 - until) == expected


def test_a_class_of_pytorchs_works_without_a_warm_up():
    optimizer = parameter()
    found = rates(optimizer, make_schedule(THEN["step"], optimizer, 20), 20)
    assert found == pytest.approx([3.0 * 0.5 ** (step // 7) for step in range(20)])


def test_the_papers_rate_is_0_9_of_itself_every_40_000_steps():
    make = composed("train", "model=paper", "model.stems=[vocals]").scheduler.build()
    optimizer = parameter(5e-4)
    schedule = make_schedule(make, optimizer, 100_000)
    optimizer.step()
    found = [schedule.get_last_lr()[0]]
    for _ in range(80_000):
        schedule.step()
        found.append(schedule.get_last_lr()[0])
    assert [found[step] for step in (0, 39_999, 40_000, 80_000)] == pytest.approx([5e-4, 5e-4, 4.5e-4, 4.05e-4])


def test_a_plateau_halves_the_rate_after_its_patience():
    optimizer = parameter()
    make = composed("train", "scheduler=plateau", "scheduler.warmup_steps=2").scheduler.build()
    schedule = make_schedule(make, optimizer, 100)
    schedule.observe(100.0)  # of the warm-up: not counted
    rates(optimizer, schedule, 3)
    for score in (-2.0, -1.0, float("nan"), *[-1.0] * 5):
        schedule.observe(score)
        assert optimizer.param_groups[0]["lr"] == 3.0
    schedule.observe(-1.0)
    assert optimizer.param_groups[0]["lr"] == 1.5
    assert rates(optimizer, schedule, 3) == [1.5] * 3


def test_a_constant_rate_falls_in_the_last_fifth():
    found = [constant_then_decay_factor(step, 10, 100, 0.2, 0.0) for step in range(101)]
    assert found[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert found[10:81] == [1.0] * 71
    assert found[80:] == pytest.approx([1 - n / 20 for n in range(21)])


@pytest.mark.parametrize("changed", ["optimizer", "schedule"])
def test_settings_given_on_resume_apply_from_there(changed):
    optimizer = parameter(4.0)
    schedule = after_warmup(optimizer, 100, 0, partial(schedulers.StepLR, step_size=10, gamma=0.5))
    rates(optimizer, schedule, 15)
    checkpoint = {"optimizer_states": [optimizer.state_dict()], "lr_schedulers": [schedule.state_dict()]}
    rate, gamma = (8.0, 0.5) if changed == "optimizer" else (4.0, 0.1)
    again = parameter(rate)
    resumed = after_warmup(again, 100, 0, partial(schedulers.StepLR, step_size=10, gamma=gamma))
    apply_optimizer_settings(checkpoint, parameter(rate))
    again.load_state_dict(checkpoint["optimizer_states"][0])
    resumed.load_state_dict(checkpoint["lr_schedulers"][0])
    assert rates(again, resumed, 6) == pytest.approx([0.5 * rate] * 5 + [0.5 * rate * gamma])


@pytest.mark.parametrize("forth", [True, False])
def test_another_schedule_on_resume_starts_at_the_same_step(forth):
    cosine = partial(warmup_cosine, warmup_steps=4, final=0.0)
    steps = partial(after_warmup, warmup_steps=4, then=THEN["step"])
    before, after = (cosine, steps) if forth else (steps, cosine)
    optimizer, expected, again = parameter(), parameter(), parameter()
    old = make_schedule(before, optimizer, 30)
    rates(optimizer, old, 15)
    right = rates(expected, make_schedule(after, expected, 30), 25)
    new = make_schedule(after, again, 30)
    again.step()  # as without it PyTorch would warn
    again.load_state_dict(optimizer.state_dict())
    new.load_state_dict(convert_schedule_state(new, old.state_dict()))
    assert rates(again, new, 10)[1:] == pytest.approx(right[16:])
