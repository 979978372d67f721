"""Loop of every fuzz test: each case is accepted, or refused in one sentence."""

import random
import time
from collections.abc import Callable

from bsroformer.errors import InputError

LONGEST_S = 20.0
"""Time limit of one case, for a busy machine."""
Case = tuple[str, Callable[[], object]]
"""Name and reader of a mutated file."""


def tried(count: int, seed: int, case: Callable[[random.Random], Case], longest_message: int) -> tuple[int, list[str]]:
    """Try cases that each follow from the seed and their number.

    Args:
        count: How many.
        seed: Of all cases.
        case: Makes one.
        longest_message: Characters that a refusal may have.

    Returns:
        Number of refusals, and a line for each case that failed or took too long.
    """
    refused, faults = 0, []
    for number in range(count):
        begun = time.monotonic()
        name, read = case(random.Random(f"{seed}-{number}"))
        fault = ""
        try:
            read()
        except InputError as error:
            refused += 1
            if len(str(error)) > longest_message or "\n" in str(error):
                fault = f"its message is long: {error!s:.200}"
        except Exception as error:
            fault = f"{type(error).__name__}: {error!s:.200}"
        seconds = time.monotonic() - begun
        if seconds > LONGEST_S:
            fault = f"took {seconds:.0f} s"
        if fault:
            faults.append(f"case {number} of seed {seed}, {name}: {fault}")
    return refused, faults


def report(count: int, refused: int, faults: list[str]) -> int:
    """Print the outcome of a long fuzz, and return the exit status."""
    print(f"{count} files: {refused} refused in a sentence, {len(faults)} faults", *faults, sep="\n")
    return int(bool(faults))
