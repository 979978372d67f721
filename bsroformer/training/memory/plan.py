"""What to change in a training so that it fits a memory: searches that know nothing of devices."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """The settings of a training that trade memory for time.

    Attributes:
        batch_size: Excerpts in a step on each device.
        accumulated: Steps whose gradients are added up; the product of the two decides how it learns.
        seconds: Length of an excerpt.
        recomputed_blocks: How many blocks are recomputed in the backward pass.
    """

    batch_size: int
    accumulated: int
    seconds: float
    recomputed_blocks: int

    @property
    def effective_batch(self) -> int:
        """Excerpts between two updates of the weights."""
        return self.batch_size * self.accumulated

    def with_batch(self, batch_size: int) -> "Plan":
        """The same with other, and more or fewer, steps between two updates."""
        return replace(self, batch_size=batch_size, accumulated=self.effective_batch // batch_size)


Takes = Callable[[Plan], int]
"""Bytes that a training takes."""


def plans_that_fit(plan: Plan, depth: int, takes: Takes, limit: float) -> list[Plan]:
    """Other ways to train, each of which fits; those that change nothing but the time come first.

    The fewest recomputed blocks, and the largest smaller batch with as many excerpts between two updates; if neither is
    enough, both; if they are not, shorter excerpts besides, in half seconds, down to one second.

    Args:
        plan: What does not fit.
        depth: Blocks of the model.
        takes: What each would take.
        limit: Bytes that there are.
    """

    def fits(candidate: Plan) -> bool:
        return takes(candidate) <= limit

    all_blocks = replace(plan, recomputed_blocks=depth)
    if found := first_that_fits(more_blocks(plan, depth), fits) + first_that_fits(smaller_batches(plan), fits):
        return found
    if both := first_that_fits(smaller_batches(all_blocks), fits):
        return both
    half_seconds = largest_that_fits(
        lambda count: fits(replace(all_blocks.with_batch(1), seconds=count / 2)), int(2 * plan.seconds)
    )
    return [replace(all_blocks.with_batch(1), seconds=half_seconds / 2)] if half_seconds >= 2 else []


def first_that_fits(candidates: Sequence[Plan], fits: Callable[[Plan], bool]) -> list[Plan]:
    """The first of candidates that take less and less, found by halves; none if not even the last fits."""
    place = bisect_left(candidates, True, key=fits)
    return list(candidates[place : place + 1])


def more_blocks(plan: Plan, depth: int) -> list[Plan]:
    """The same with more blocks recomputed, one after another."""
    return [replace(plan, recomputed_blocks=count) for count in range(plan.recomputed_blocks + 1, depth + 1)]


def smaller_batches(plan: Plan) -> list[Plan]:
    """The same with smaller batches, from the largest, each of which goes into the excerpts between two updates."""
    return [plan.with_batch(size) for size in divisors(plan.effective_batch) if size < plan.batch_size]


def divisors(number: int) -> list[int]:
    """All of them, from the largest."""
    return [divisor for divisor in range(number, 0, -1) if number % divisor == 0]


def largest_that_fits(fits: Callable[[int], bool], most: int) -> int:
    """The largest number from 1 to `most` that fits, if all smaller ones do too; 0 if none does.

    Doubles until one does not, then halves the interval: few tries, and none far beyond what fits.
    """
    good, bad = 0, most + 1
    while good + 1 < bad:
        none_failed = bad > most
        trial = min(max(1, 2 * good), most) if none_failed else (good + bad) // 2
        good, bad = (trial, bad) if fits(trial) else (good, trial)
    return good
