"""The pace of a training: where it stands, and the time that is left."""

import time
from datetime import timedelta

import lightning as L
from lightning.pytorch.callbacks import Timer

from bsroformer.text import clock


class Pace:
    """Counts a run's optimiser steps and estimates the time to its end, validations included.

    The first step, which starts workers and compiles, is not counted in the estimate.

    Args:
        step: Steps made before this start.
        total: Steps of the whole run.
    """

    def __init__(self, step: int, total: int) -> None:
        self.step, self.total = step, total
        self.begun = time.monotonic()
        self.first_end: float | None = None
        self.first_step = step

    def count(self, step: int) -> None:
        """Note that the run has made so many steps."""
        self.step = step
        if self.first_end is None:
            self.first_end, self.first_step = time.monotonic(), step

    @property
    def elapsed(self) -> float:
        """Seconds since this start of the training."""
        return time.monotonic() - self.begun

    def remaining(self, allowed: float | None = None) -> float | None:
        """Estimate the seconds to the end of the run, at most `allowed`; None if that is unknown."""
        steps = self.step - self.first_step
        if self.first_end is None or not steps:
            return allowed
        each = (time.monotonic() - self.first_end) / steps
        seconds = each * max(0, self.total - self.step)
        return seconds if allowed is None else min(seconds, allowed)

    def position(self) -> str:
        """The step and its share of the run."""
        share = f" ({self.step / self.total:.0%})" if self.total else ""
        return f"step {self.step:,} of {self.total:,}{share}"

    def times(self, allowed: float | None = None) -> str:
        """Elapsed and remaining time."""
        left = self.remaining(allowed)
        return f"{clock(self.elapsed)} elapsed" + ("" if left is None else f", {clock(left)} left")


def timer_of(trainer: L.Trainer) -> Timer | None:
    """The callback behind ``trainer.max_time``; None if the time is not limited."""
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, Timer)), None)


def seconds_allowed(trainer: L.Trainer) -> float | None:
    """Seconds until ``trainer.max_time`` ends the run; None if the time is not limited."""
    timer = timer_of(trainer)
    left = timer.time_remaining() if timer else None
    return None if left is None else max(0.0, left)


def out_of_time(trainer: L.Trainer) -> timedelta | None:
    """The training time after which ``trainer.max_time`` ended the run short of its steps; None if it did not."""
    timer = timer_of(trainer)
    if timer is None or seconds_allowed(trainer) != 0 or trainer.global_step >= trainer.estimated_stepping_batches:
        return None
    return timedelta(seconds=round(timer.time_elapsed()))


def time_key(duration: timedelta) -> str:
    """A duration as ``trainer.max_time`` takes it: days, hours, minutes and seconds."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days:02}:{hours:02}:{minutes:02}:{seconds:02}"
