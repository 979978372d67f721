"""Count operator calls, compare times and weigh memory."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import torch
from torch.profiler import ProfilerActivity, profile

from bsroformer.hardware import largest_memory

PREFIX = "aten::"
"""Prefix of PyTorch's operators among the events of its profiler."""


def operator_calls(call: Callable[[], object]) -> Counter[str]:
    """Count the calls of each leaf operator.

    A leaf is an ATen operator that calls no other: ``linear`` is not one, as it calls ``addmm``. Views and
    allocations count, for the dispatcher works for them too. Calls for a GPU are counted on the CPU, which
    makes them.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else its library tells stderr when it starts and stops
    with profile(activities=[ProfilerActivity.CPU]) as found:
        call()
    operators = [event for event in found.events() if event.name.startswith(PREFIX)]
    return Counter(
        operator.name.removeprefix(PREFIX)
        for operator in operators
        if not any(child.name.startswith(PREFIX) for child in operator.cpu_children)
    )


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Measure a call in seconds, until the device is idle."""
    start = time.perf_counter()
    call()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter() - start


def paired_seconds(
    first: Callable[[], object], second: Callable[[], object], repeats: int, device: torch.device
) -> tuple[float, float, float]:
    """Time two calls alternately, after one discarded run of each.

    Neighbours see the same state of the machine, so that the ratio of a pair holds where times drift.

    Returns:
        The median time of each, and the median over pairs of second over first.
    """
    pairs = seconds_in_turn([first, second], repeats, device)
    firsts, seconds_ = zip(*pairs, strict=True)
    return median(firsts), median(seconds_), median(late / early for early, late in pairs)


def seconds_in_turn(
    calls: Sequence[Callable[[], object]], repeats: int, device: torch.device
) -> list[tuple[float, ...]]:
    """Time calls in turn for `repeats` rounds, after a discarded one.

    Returns:
        The seconds of each call, by round.
    """
    return [tuple(seconds(call, device) for call in calls) for _ in range(1 + repeats)][1:]


@contextmanager
def on_one_core() -> Iterator[None]:
    """Compute with one thread, on Linux also on one core.

    Programs that are started share the core.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        with one_thread():
            yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def memory_growth(call: Callable[..., object], *arguments: object) -> float:
    """Measure the growth of this process's peak memory by a call, bytes.

    It is NaN on systems other than Linux.

    The peak includes earlier calls, so use a new process.
    """
    before = largest_memory()
    kept = call(*arguments)
    after = largest_memory()
    del kept
    return after - before
