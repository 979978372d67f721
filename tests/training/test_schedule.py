import itertools

import pytest
import torch

from bsroformer.training.schedule import warmup_cosine, warmup_cosine_factor

STEPS, WARMUP, FINAL = 100, 10, 0.01


def factors(steps: int = STEPS, warmup: int = WARMUP, final: float = FINAL) -> list[float]:
    return [warmup_cosine_factor(step, warmup, steps, final) for step in range(steps + 1)]


def test_the_rate_rises_linearly_to_its_full_value_at_the_last_warm_up_step():
    assert factors()[:WARMUP] == pytest.approx([(step + 1) / WARMUP for step in range(WARMUP)])


def test_no_step_has_a_rate_of_zero():
    assert min(factors()) > 0


def test_the_rate_then_falls_steadily_to_what_is_left_at_the_end():
    falling = factors()[WARMUP:]
    assert falling[0] == 1
    assert all(later < earlier for earlier, later in itertools.pairwise(falling))
    assert falling[-1] == pytest.approx(FINAL)


def test_half_of_the_way_down_is_half_of_the_way_through():
    assert factors()[(STEPS + WARMUP) // 2] == pytest.approx((1 + FINAL) / 2)


def test_past_the_end_the_rate_stays_where_it_is():
    assert warmup_cosine_factor(10 * STEPS, WARMUP, STEPS, FINAL) == pytest.approx(FINAL)


def test_there_need_be_no_warm_up_and_no_decay():
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
