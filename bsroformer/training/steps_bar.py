"""Progress bar over the optimiser steps of a run, for a terminal."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bsroformer.training.run_clock import RunClock

REFRESH_S = 0.5
"""Time between two updates: each reads the loss, which waits for a GPU."""


class StepsBar:
    """A line, redrawn in place, with the run's activity, step, times and loss.

    Args:
        console: The terminal, which prints lines above the bar.
        clock: The run's step and times.
    """

    def __init__(self, console: Console, clock: RunClock) -> None:
        self.clock = clock
        self.shown = -math.inf
        activity = TextColumn("{task.description}", markup=False)
        state = TextColumn("{task.fields[state]}")
        self.progress = Progress(activity, BarColumn(), state, console=console, transient=True)
        self.task = self.progress.add_task("training", total=clock.total, completed=clock.step, state=clock.position())
        self.progress.start()

    def due(self) -> bool:
        """Return whether an update is due."""
        return time.monotonic() - self.shown >= REFRESH_S

    def show(self, activity: str, allowed: float | None, loss: float) -> None:
        """Update the bar.

        Args:
            activity: What the run does: training or validating.
            allowed: Seconds until the run must end; None if its time is not limited.
            loss: A mean of the training loss; NaN without one.
        """
        parts = [self.clock.position(), self.clock.times(allowed)]
        if math.isfinite(loss):
            parts.append(f"loss {loss:.4g}")
        state = ", ".join(parts)
        self.progress.update(self.task, description=activity, completed=self.clock.step, state=state)
        self.shown = time.monotonic()

    def close(self) -> None:
        """Remove the bar."""
        self.progress.stop()
