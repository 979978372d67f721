import pytest

from bsroformer.training.memory.plan import Plan, divisors, largest_that_fits, plans_that_fit

DEPTH = 6


def takes(plan: Plan) -> int:
    """Estimate 100 for the weights, and an amount for each second and block.

    That is 10 for a block that is kept and 2 for a recomputed one.
    """
    kept = DEPTH - plan.recomputed_blocks
    return 100 + round(plan.batch_size * plan.seconds * (10 * kept + 2 * plan.recomputed_blocks))


def plan(batch_size: int = 4, accumulated: int = 2, seconds: float = 6, blocks: int = 0) -> Plan:
    return Plan(batch_size, accumulated, seconds, blocks)


@pytest.mark.parametrize("bound", [0, 1, 2, 3, 7, 8, 9, 63, 64, 100])
@pytest.mark.parametrize("most", [1, 2, 10, 64, 65])
def test_the_largest_fit_takes_few_tries_and_overshoots_little(bound, most):
    tried = []

    def fits(number: int) -> bool:
        tried.append(number)
        return number <= bound

    assert largest_that_fits(fits, most) == min(bound, most)
    assert len(tried) == len(set(tried)) <= 2 * most.bit_length()
    assert max(tried) <= max(2 * bound, 1)


def test_all_divisors_are_listed_from_the_largest():
    assert divisors(12) == [12, 6, 4, 3, 2, 1]


@pytest.mark.parametrize("limit", range(150, 1600, 50))
@pytest.mark.parametrize("start", [plan(), plan(3, 4), plan(1, 8), plan(blocks=2), plan(5, 1, 2.5)])
def test_plans_fit_and_keep_the_effective_batch(start, limit):
    for proposed in plans_that_fit(start, DEPTH, takes, limit):
        assert takes(proposed) <= limit
        assert proposed.effective_batch == start.effective_batch
        assert proposed.recomputed_blocks >= start.recomputed_blocks


def test_the_fewest_blocks_and_the_largest_batch_are_proposed():
    assert takes(plan()) == 1540
    assert plans_that_fit(plan(), DEPTH, takes, 1000) == [plan(blocks=3), plan(2, 4)]


def test_several_changes_only_where_one_is_not_enough():
    assert plans_that_fit(plan(), DEPTH, takes, 300) == [plan(2, 4, blocks=6)]
    assert plans_that_fit(plan(), DEPTH, takes, 140) == [plan(1, 8, 3, 6)]
    assert plans_that_fit(plan(), DEPTH, takes, 110) == []  # weights and a second of audio take more
