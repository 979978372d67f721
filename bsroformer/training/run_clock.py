"""Elapsed and remaining time of a training."""

import time
from datetime import timedelta

import lightning as L
from lightning.pytorch.callbacks import Timer

from bsroformer.text import clock


class RunClock:
    """Count a run's optimiser steps and estimate the time to its end.

    The estimate excludes the first step, which starts workers and compiles.

    Args:
        step: Steps made before this start.
        total: Steps of the whole run.
    """

    def __init__(self, step: int, total: int) -> None:
        self.step = step
        self.total = total
        self.begun = time.monotonic()
        self.first_end: float | None = None
        self.first_step = step

    def count(self, step: int) -> None:
        """Set the number of steps that the run has made."""
        self.step = step
        if self.first_end is None:
            self.first_end = time.monotonic()
            self.first_step = step

    @property
    def elapsed(self) -> float:
        """Seconds since this start of the training."""
        return time.monotonic() - self.begun

    def remaining(self, allowed: float | None = None) -> float | None:
        """Estimate the seconds to the end of the run, at most `allowed`; None if unknown."""
        measured_steps = self.step - self.first_step
        if self.first_end is None or measured_steps == 0:
            return allowed
        each = (time.monotonic() - self.first_end) / measured_steps
        seconds = each * max(0, self.total - self.step)
        return seconds if allowed is None else min(seconds, allowed)

    def position(self) -> str:
        """The step and its share of the run."""
        text = f"step {self.step:,} of {self.total:,}"
        if self.total == 0:
            return text
        share = self.step / self.total
        return f"{text} ({share:.0%})"

    def times(self, allowed: float | None = None) -> str:
        """Elapsed and remaining time, as far as known."""
        text = f"{clock(self.elapsed)} elapsed"
        left = self.remaining(allowed)
        return text if left is None else f"{text}, {clock(left)} left"


def timer_of(trainer: L.Trainer) -> Timer | None:
    """Return the callback behind ``trainer.max_time``; None without a limit."""
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, Timer)), None)


def seconds_allowed(trainer: L.Trainer) -> float | None:
    """Return the seconds until ``trainer.max_time``; None without a limit."""
    timer = timer_of(trainer)
    left = timer.time_remaining() if timer else None
    return None if left is None else max(0.0, left)


def out_of_time(trainer: L.Trainer) -> timedelta | None:
    """Return the time after which ``trainer.max_time`` cut the run short.

    None if it did not.
    """
    timer = timer_of(trainer)
    if timer is None or seconds_allowed(trainer) != 0:
        return None
    if trainer.global_step >= trainer.estimated_stepping_batches:
        return None
    return timedelta(seconds=round(timer.time_elapsed()))


def time_key(duration: timedelta) -> str:
    """A duration as ``trainer.max_time`` takes it: days, hours, minutes and seconds."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days:02}:{hours:02}:{minutes:02}:{seconds:02}"
