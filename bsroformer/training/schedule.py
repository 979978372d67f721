"""The learning rate over a run: schedules of our own, and any of PyTorch's after a warm-up."""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from bsroformer.kinds import CountOrNone, Probability

MakesScheduler = Callable[..., LRScheduler]
"""Makes a schedule of an optimiser: a function that takes the run's steps too, or a class of PyTorch's."""
RUN_LENGTHS = ("total_steps", "T_max", "total_iters")
"""Arguments of PyTorch's classes that are the run's length unless they are given."""


def warmup_cosine_factor(step: int, warmup_steps: int, total_steps: int, final: float) -> float:
    """Share of the full rate at an optimiser step: a linear rise, then half a cosine down to `final`."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
    return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2


def warmup_cosine(optimizer: Optimizer, total_steps: int, warmup_steps: CountOrNone, final: Probability) -> LambdaLR:
    """Linear warm-up, then cosine decay (Loshchilov and Hutter, arXiv 1608.03983), step by step.

    Args:
        optimizer: Whose learning rate it sets.
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps to the full learning rate.
        final: Share of it that is left at the end.
    """
    return LambdaLR(optimizer, lambda step: warmup_cosine_factor(step, warmup_steps, total_steps, final))


def constant_then_decay_factor(step: int, warmup_steps: int, total_steps: int, decay: float, final: float) -> float:
    """Share of the full rate at an optimiser step: a linear rise, a constant, and a linear fall to `final`."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    fall = max(1, round(decay * total_steps))
    left = min(1.0, max(0, total_steps - step) / fall)
    return final + (1 - final) * left


def constant_then_decay(
    optimizer: Optimizer, total_steps: int, warmup_steps: CountOrNone, decay: Probability, final: Probability
) -> LambdaLR:
    """Linear warm-up, the full rate, then linear decay (warm-up, stable, decay: Hu et al., arXiv 2404.06395).

    A run can be made longer from any checkpoint before the decay, as if it had been planned so.

    Args:
        optimizer: Whose learning rate it sets.
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps to the full learning rate.
        decay: Share of the run's steps in which it falls.
        final: Share of it that is left at the end.

    Raises:
        ValueError: If `decay` is no share.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"scheduler.decay={decay} must be from 0 to 1")
    return LambdaLR(optimizer, lambda step: constant_then_decay_factor(step, warmup_steps, total_steps, decay, final))


def after_warmup(
    optimizer: Optimizer, total_steps: int, warmup_steps: CountOrNone, then: MakesScheduler
) -> "ScheduleAfterWarmup":
    """Linear warm-up, then a schedule of PyTorch's.

    Args:
        optimizer: Whose learning rate it sets.
        total_steps: Optimiser steps of the whole run.
        warmup_steps: Steps to the full learning rate.
        then: A class of `torch.optim.lr_scheduler`, with its arguments.

    Raises:
        TypeError: If it does not take these arguments, or lacks some.
    """
    return ScheduleAfterWarmup(optimizer, with_run_length(then, max(1, total_steps - warmup_steps)), warmup_steps)


def make_schedule(make: MakesScheduler, optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """The schedule of a run, of a function that takes its steps or of a class of PyTorch's."""
    target = target_of(make)
    if inspect.isclass(target) and issubclass(target, LRScheduler):
        return after_warmup(optimizer, total_steps, warmup_steps=0, then=make)
    return make(optimizer, total_steps)


def target_of(make: MakesScheduler) -> MakesScheduler:
    """The function or class that a partial call is of."""
    while isinstance(make, partial):
        make = make.func
    return make


def with_run_length(make: MakesScheduler, steps: int) -> MakesScheduler:
    """The same with the run's length where the class has an argument for it that was not given."""
    given = make.keywords if isinstance(make, partial) else {}
    known = inspect.signature(target_of(make)).parameters
    name = next((name for name in RUN_LENGTHS if name in known), None)
    if name is None or name in given or "epochs" in given:  # OneCycleLR takes epochs and steps_per_epoch instead
        return make
    return partial(make, **{name: steps})


class ScheduleAfterWarmup(LRScheduler):
    """A schedule of PyTorch's that begins after a linear warm-up, and comes back from a checkpoint bit for bit.

    What PyTorch's class was configured with counts as configured now; where it stood comes from the checkpoint.

    Args:
        optimizer: Whose learning rate it sets.
        make: Makes PyTorch's schedule of the optimiser.
        warmup_steps: Steps to the rate with which that begins.
    """

    def __init__(self, optimizer: Optimizer, make: MakesScheduler, warmup_steps: int) -> None:
        self.optimizer, self.warmup_steps = optimizer, warmup_steps
        self.then = make(optimizer)
        self.starts = [float(group["lr"]) for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        if warmup_steps > 0:
            self._set([start / warmup_steps for start in self.starts])
        self._note()

    @property
    def follows_scores(self) -> bool:
        """Whether it is the validations that move it."""
        return isinstance(self.then, ReduceLROnPlateau)

    def step(self, epoch: int | None = None) -> None:
        """Set the rate of the next step."""
        self.last_epoch += 1
        if self.last_epoch <= self.warmup_steps:
            share = min(1.0, (self.last_epoch + 1) / self.warmup_steps)
            self._set([share * start for start in self.starts])
        elif not self.follows_scores:
            self.then.step()
        self._note()

    def observe(self, score: float) -> None:
        """Take in a score of validation: a rate that follows scores falls where they have stopped to get better."""
        if isinstance(self.then, ReduceLROnPlateau) and self.last_epoch >= self.warmup_steps and not math.isnan(score):
            self.then.step(score)
            self._note()

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""
        own = {"last_epoch": self.last_epoch, "base_lrs": self.base_lrs, "_last_lr": self._last_lr}
        return own | {"then": self.then.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave; go to the same step if it was another schedule's."""
        steps = state_dict["last_epoch"]
        if "then" not in state_dict or state_dict["then"].keys() != self.then.state_dict().keys():
            self._go_to(steps)
            return
        settings = inspect.signature(type(self.then)).parameters.keys() - {"last_epoch"} | {"base_lrs"}
        now = self.then.state_dict()
        stood = {name: value for name, value in state_dict["then"].items() if name not in settings}
        self.then.load_state_dict(now | stood)
        self.last_epoch = steps
        self._note()

    def _go_to(self, steps: int) -> None:
        self._set(self.starts)
        while self.last_epoch < steps:
            self.step()

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def _note(self) -> None:
        self._last_lr = [float(group["lr"]) for group in self.optimizer.param_groups]


def state_for(schedule: LRScheduler, state: dict[str, Any]) -> dict[str, Any]:
    """A schedule's state in a checkpoint as another kind of schedule reads it: at the same step."""
    if not isinstance(schedule, LambdaLR) or "lr_lambdas" in state:
        return state
    kept = {name: state[name] for name in ("last_epoch", "base_lrs", "_last_lr")}
    return kept | {"lr_lambdas": [None] * len(schedule.base_lrs), "_step_count": state["last_epoch"] + 1}
