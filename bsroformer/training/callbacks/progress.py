"""Progress of a training: lines on the terminal and in the log, and a bar."""

import math
import time
from collections import deque
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from torch import Tensor

from bsroformer.report.monitor import LEGACY_MONITOR, Monitor
from bsroformer.run_folder import TRAIN_LOG
from bsroformer.training.finite_mean import FiniteMean
from bsroformer.training.run_clock import RunClock, seconds_allowed

FIRST_LINE_S = 30.0
"""Time to the first line, if the interval is longer: the user wants to see the speed."""
SMOOTHED_STEPS = 50
"""Optimiser steps whose mean loss is shown."""
REFRESH_S = 0.5
"""Time between two updates: each reads the loss, which waits for a GPU."""


class RunProgress(ProgressBar):
    """Report the progress of a training on the terminal and in the log ``train.log``.

    A line comes after each validation and every few minutes. On a terminal the lines stay above a bar that counts the
    run's optimiser steps. `console` and `prefix`, which precedes each line, may be replaced before the training.

    Args:
        every_minutes: Time between two lines outside of validations.
        monitor: Name of the validation score in the lines.
    """

    def __init__(self, every_minutes: float = 5.0, monitor: str = LEGACY_MONITOR) -> None:
        super().__init__()
        self.interval = 60 * every_minutes
        self.monitor = Monitor(monitor)
        self.console = Console(soft_wrap=True, markup=False, highlight=False)
        self.prefix = ""
        self.best_step = 0
        self.clock = RunClock(0, 0)
        self.due = math.inf
        self.losses: deque[Tensor] = deque()
        self._bar: StepsBar | None = None
        self._enabled = True

    def state_dict(self) -> dict[str, Any]:
        """Return the step of the best validation, for checkpoints."""
        return {"best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.best_step = int(state_dict["best_step"])

    def disable(self) -> None:
        """Print nothing; Lightning calls it on all ranks but the first."""
        self._enabled = False

    def enable(self) -> None:
        """Print again."""
        self._enabled = True

    def print(self, *values: Any, **_: Any) -> None:
        """Print a line above the bar and log it; Lightning's ``trainer.print`` calls it."""
        if self._enabled:
            text = " ".join(map(str, values))
            self.console.print(self.prefix + text)
            TRAIN_LOG.info("%s", text)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock, and the bar on a terminal."""
        total = int(trainer.estimated_stepping_batches)
        self.clock = RunClock(trainer.global_step, total)
        self.losses = deque(maxlen=SMOOTHED_STEPS * trainer.accumulate_grad_batches)
        self.due = time.monotonic() + min(FIRST_LINE_S, self.interval)
        if self._enabled and self.console.is_terminal and not self.console.quiet and not self.prefix:
            self._bar = StepsBar(self.console, self.clock)

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Count the step, if it is complete; print a line if one is due."""
        loss = trainer.callback_metrics.get("train/loss")
        if loss is not None:
            self.losses.append(loss.detach())
        if trainer.global_step != self.clock.step:  # else gradients are being accumulated
            self.clock.count(trainer.global_step)
            self._show(trainer)

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: object, batch_idx: int, *_: int
    ) -> None:
        """Report the progress of a long validation."""
        if not trainer.sanity_checking:
            batches = sum(trainer.num_val_batches)
            self._show(trainer, f"validating {batch_idx + 1:,} of {batches:,}")

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print the score, before the callbacks that save the model."""
        score = trainer.callback_metrics.get(self.monitor.name)
        if trainer.sanity_checking or score is None:
            return
        number = float(score)
        remark = ""
        if self._is_best(trainer, number):
            self.best_step = trainer.global_step
            remark = " (the best so far, saved)"
        self._line(trainer, f"validation {self.monitor.text(number)}{remark}")

    def _is_best(self, trainer: L.Trainer, score: float) -> bool:
        """Return whether the checkpoint of this score will be saved as the best."""
        keeper = best_keeper(trainer)
        if keeper is None:
            return False
        former_best = keeper.best_model_score
        former = math.nan if former_best is None else float(former_best)
        return self.monitor.gain(score) > self.monitor.gain(former)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remove the bar."""
        self._close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Remove the bar."""
        self._close()

    def _show(self, trainer: L.Trainer, validating: str = "") -> None:
        if not self._enabled:
            return
        if self._bar and self._bar.due():
            self._bar.show(validating or "training", seconds_allowed(trainer), self._loss())
        if time.monotonic() >= self.due:
            self._line(trainer, validating)

    def _line(self, trainer: L.Trainer, remark: str) -> None:
        parts = [self.clock.position(), self.clock.times(seconds_allowed(trainer))]
        loss = self._loss()
        if math.isfinite(loss):
            parts.append(f"loss {loss:.4g}")
        if remark:
            parts.append(remark)
        self.print(", ".join(parts))
        self.due = time.monotonic() + self.interval

    def _loss(self) -> float:
        mean = FiniteMean()
        for loss in self.losses:
            mean.add(loss)
        return mean.value()

    def _close(self) -> None:
        if self._bar:
            self._bar.close()
            self._bar = None


def best_keeper(trainer: L.Trainer) -> ModelCheckpoint | None:
    """The callback that saves the best checkpoint; None if no checkpoint is kept."""
    keeper = trainer.checkpoint_callback
    return keeper if isinstance(keeper, ModelCheckpoint) else None


def progress_of(trainer: L.Trainer) -> RunProgress | None:
    """The callback of a training that reports its progress; None without one."""
    progress = trainer.progress_bar_callback
    return progress if isinstance(progress, RunProgress) else None


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
