"""Search for training settings that fit a memory, independent of devices."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

SHORTEST_EXCERPT = 1.0
"""Seconds."""


@dataclass(frozen=True)
class Plan:
    """The settings of a training that trade memory for time.

    Attributes:
        batch_size: Excerpts in a batch on each device.
        accumulated: Batches whose gradients are added up; the product of the two decides how it learns.
        seconds: Length of an excerpt.
        recomputed_blocks: Number of blocks that are recomputed in the backward pass.
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
        """Change the batch size and keep the effective batch."""
        accumulated = self.effective_batch // batch_size
        return replace(self, batch_size=batch_size, accumulated=accumulated)


EstimateBytes = Callable[[Plan], int]
"""Estimates the bytes that a training takes."""


def plans_that_fit(plan: Plan, depth: int, estimate: EstimateBytes, limit: float) -> list[Plan]:
    """Find other plans that fit, those that change only the time first.

    These are the fewest recomputed blocks, and the largest smaller batch with the same effective batch; if neither is
    enough, both; if that is not enough either, shorter excerpts in addition, in half seconds, down to one second.

    Args:
        plan: The plan that does not fit.
        depth: Blocks of the model.
        estimate: Estimates each plan.
        limit: Available bytes.
    """

    def fits(candidate: Plan) -> bool:
        return estimate(candidate) <= limit

    by_blocks = first_that_fits(more_blocks(plan, depth), fits)
    by_batch = first_that_fits(smaller_batches(plan), fits)
    if by_blocks or by_batch:
        return by_blocks + by_batch
    all_blocks = replace(plan, recomputed_blocks=depth)
    by_both = first_that_fits(smaller_batches(all_blocks), fits)
    if by_both:
        return by_both
    return longest_excerpts_that_fit(all_blocks.with_batch(1), fits)


def longest_excerpts_that_fit(plan: Plan, fits: Callable[[Plan], bool]) -> list[Plan]:
    """Find the longest excerpts that fit, in half seconds; at least one second."""

    def half_seconds_fit(count: int) -> bool:
        return fits(replace(plan, seconds=count / 2))

    seconds = largest_that_fits(half_seconds_fit, int(2 * plan.seconds)) / 2
    if seconds < SHORTEST_EXCERPT:
        return []
    return [replace(plan, seconds=seconds)]


def first_that_fits(candidates: Sequence[Plan], fits: Callable[[Plan], bool]) -> list[Plan]:
    """Find the first plan that fits among plans of decreasing memory.

    It is found by bisection; empty if even the last does not fit.
    """
    position = bisect_left(candidates, True, key=fits)
    return list(candidates[position : position + 1])


def more_blocks(plan: Plan, depth: int) -> list[Plan]:
    """List the plans with one more block recomputed, two more, and so on to all."""
    counts = range(plan.recomputed_blocks + 1, depth + 1)
    return [replace(plan, recomputed_blocks=count) for count in counts]


def smaller_batches(plan: Plan) -> list[Plan]:
    """List the plans with smaller batches, the largest first.

    Each batch divides the effective batch.
    """
    sizes = divisors(plan.effective_batch)
    return [plan.with_batch(size) for size in sizes if size < plan.batch_size]


def divisors(number: int) -> list[int]:
    """List all divisors, the largest first."""
    return [divisor for divisor in range(number, 0, -1) if number % divisor == 0]


def largest_that_fits(fits: Callable[[int], bool], most: int) -> int:
    """Find the largest number from 1 to `most` that fits; 0 if none fits.

    All smaller numbers must fit too.

    It doubles the number until one does not fit and then bisects: few tries, and none far beyond what fits.
    """
    fitting = 0
    failing = most + 1
    while fitting + 1 < failing:
        none_failed = failing > most
        doubled = min(max(1, 2 * fitting), most)
        middle = (fitting + failing) // 2
        trial = doubled if none_failed else middle
        if fits(trial):
            fitting = trial
        else:
            failing = trial
    return fitting
