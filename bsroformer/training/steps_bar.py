"""A bar over the optimiser steps of a run, for a terminal."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bsroformer.training.run_clock import Pace

REFRESH_S = 0.5
"""Time between two updates: each needs the loss, for which a GPU is waited."""


class StepsBar:
    """A line that is redrawn in place: what the run does, its step, its times and a mean of its loss.

    Args:
        console: The terminal; what it prints stays above the bar.
        pace: Where the run stands.
    """

    def __init__(self, console: Console, pace: Pace) -> None:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[state]}")
        self.pace, self.shown = pace, -math.inf
        self.progress = Progress(*columns, console=console, transient=True)
        self.task = self.progress.add_task("training", total=pace.total, completed=pace.step, state=pace.position())
        self.progress.start()

    def due(self) -> bool:
        """Whether an update is due."""
        return time.monotonic() - self.shown >= REFRESH_S

    def show(self, doing: str, allowed: float | None, loss: float) -> None:
        """Update the bar.

        Args:
            doing: What the run does: training or validating.
            allowed: Seconds until the run must end; None if its time is not limited.
            loss: A mean of the training loss; NaN if there is none yet.
        """
        parts = [self.pace.position(), self.pace.times(allowed)]
        if math.isfinite(loss):
            parts.append(f"loss {loss:.4g}")
        self.progress.update(self.task, description=doing, completed=self.pace.step, state=", ".join(parts))
        self.shown = time.monotonic()

    def close(self) -> None:
        """Remove the bar."""
        self.progress.stop()
