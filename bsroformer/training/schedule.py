"""Schedules of the learning rate: our own, and any of PyTorch's after a warm-up."""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from bsroformer.kinds import CountOrZero, Probability

MakesScheduler = Callable[..., LRScheduler]
"""Makes a schedule of an optimiser: a function that takes the run's steps too, or a class of PyTorch's."""
RUN_LENGTHS = ("total_steps", "T_max", "total_iters")
"""Arguments of PyTorch's classes that default to the run's length here."""


def warmup_cosine_factor(step: int, warmup_steps: int, total_steps: int, final: float) -> float:
    """Return the share of the full rate at an optimiser step.

    A linear rise, then half a cosine down to `final`.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    decay_steps = max(1, total_steps - warmup_steps)
    progress = min(1.0, (step - warmup_steps) / decay_steps)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return final + (1 - final) * cosine


def warmup_cosine(optimizer: Optimizer, total_steps: int, warmup_steps: CountOrZero, final: Probability) -> LambdaLR:
    """Linear warm-up, then cosine decay, step by step.

    Loshchilov and Hutter, arXiv 1608.03983.

    Args:
        optimizer: The optimiser whose learning rate is set.
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps to the full learning rate.
        final: Share of it at the end.
    """
    return LambdaLR(optimizer, lambda step: warmup_cosine_factor(step, warmup_steps, total_steps, final))


def constant_then_decay_factor(step: int, warmup_steps: int, total_steps: int, decay: float, final: float) -> float:
    """Return the share of the full rate at an optimiser step.

    A linear rise, a constant, and a linear fall to `final`.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    decay_steps = max(1, round(decay * total_steps))
    steps_left = max(0, total_steps - step)
    left = min(1.0, steps_left / decay_steps)
    return final + (1 - final) * left


def constant_then_decay(
    optimizer: Optimizer, total_steps: int, warmup_steps: CountOrZero, decay: Probability, final: Probability
) -> LambdaLR:
    """Linear warm-up, the full rate, then linear decay.

    Hu et al., arXiv 2404.06395, call it warm-up, stable, decay.

    A run can be made longer from any checkpoint before the decay, as if it had been planned so.

    Args:
        optimizer: The optimiser whose learning rate is set.
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps to the full learning rate.
        decay: Share of the run's steps in which it falls.
        final: Share of it at the end.

    Raises:
        ValueError: If `decay` is not in [0, 1].
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"scheduler.decay={decay} must be from 0 to 1")
    return LambdaLR(optimizer, lambda step: constant_then_decay_factor(step, warmup_steps, total_steps, decay, final))


def after_warmup(
    optimizer: Optimizer, total_steps: int, warmup_steps: CountOrZero, then: MakesScheduler
) -> "ScheduleAfterWarmup":
    """Linear warm-up, then a schedule of PyTorch's.

    Args:
        optimizer: The optimiser whose learning rate is set.
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps to the full learning rate.
        then: A class of `torch.optim.lr_scheduler`, with its arguments.

    Raises:
        TypeError: If it does not take these arguments, or lacks some.
    """
    steps = max(1, total_steps - warmup_steps)
    return ScheduleAfterWarmup(optimizer, with_run_length(then, steps), warmup_steps)


def make_schedule(make: MakesScheduler, optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Make the schedule of a run from a function or a class of PyTorch's."""
    target = target_of(make)
    if inspect.isclass(target) and issubclass(target, LRScheduler):
        return after_warmup(optimizer, total_steps, warmup_steps=0, then=make)
    return make(optimizer, total_steps)


def target_of(make: MakesScheduler) -> MakesScheduler:
    """The function or class that a partial call refers to."""
    while isinstance(make, partial):
        make = make.func
    return make


def with_run_length(make: MakesScheduler, steps: int) -> MakesScheduler:
    """Set the run's length where the class has an argument for it that is not given."""
    given = make.keywords if isinstance(make, partial) else {}
    parameters = inspect.signature(target_of(make)).parameters
    name = next((name for name in RUN_LENGTHS if name in parameters), None)
    if name is None or name in given or "epochs" in given:  # OneCycleLR takes epochs and steps_per_epoch instead
        return make
    return partial(make, **{name: steps})


class ScheduleAfterWarmup(LRScheduler):
    """A schedule of PyTorch's after a linear warm-up, resumed bit for bit.

    The arguments of PyTorch's class are the configured ones; its position comes from the checkpoint.

    Args:
        optimizer: The optimiser whose learning rate is set.
        make: Makes PyTorch's schedule of the optimiser.
        warmup_steps: Steps to the rate at which that starts.
    """

    def __init__(self, optimizer: Optimizer, make: MakesScheduler, warmup_steps: int) -> None:
        self.optimizer = optimizer
        self.warmup_steps = warmup_steps
        self.then = make(optimizer)
        self.starts = [float(group["lr"]) for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        if warmup_steps > 0:
            self._set([start / warmup_steps for start in self.starts])
        self._record_rates()

    @property
    def follows_scores(self) -> bool:
        """Return whether validations move it."""
        return isinstance(self.then, ReduceLROnPlateau)

    def step(self, epoch: int | None = None) -> None:
        """Set the rate of the next step."""
        self.last_epoch += 1
        if self.last_epoch <= self.warmup_steps:
            share = min(1.0, (self.last_epoch + 1) / self.warmup_steps)
            self._set([share * start for start in self.starts])
        elif not self.follows_scores:
            self.then.step()
        self._record_rates()

    def observe(self, score: float) -> None:
        """Pass a validation score to a schedule that follows scores."""
        is_warm = self.last_epoch >= self.warmup_steps
        if isinstance(self.then, ReduceLROnPlateau) and is_warm and not math.isnan(score):
            self.then.step(score)
            self._record_rates()

    def state_dict(self) -> dict[str, Any]:
        """Return its position, for checkpoints."""
        return {
            "last_epoch": self.last_epoch,
            "base_lrs": self.base_lrs,
            "_last_lr": self._last_lr,
            "then": self.then.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state; go to the same step if it is another schedule's."""
        steps = state_dict["last_epoch"]
        now = self.then.state_dict()
        kept = state_dict.get("then", {})
        if kept.keys() != now.keys():
            self._go_to(steps)
            return
        parameters = inspect.signature(type(self.then)).parameters
        for name, value in kept.items():
            is_setting = name == "base_lrs" or (name in parameters and name != "last_epoch")
            if not is_setting:
                now[name] = value
        self.then.load_state_dict(now)
        self.last_epoch = steps
        self._record_rates()

    def _go_to(self, steps: int) -> None:
        self._set(self.starts)
        while self.last_epoch < steps:
            self.step()

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def _record_rates(self) -> None:
        self._last_lr = [float(group["lr"]) for group in self.optimizer.param_groups]
