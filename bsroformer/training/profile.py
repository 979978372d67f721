"""Where the time of training steps goes."""

import os
from pathlib import Path

import lightning as L
import torch
from torch.profiler import ProfilerActivity, profile, schedule

from bsroformer.kinds import Count

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # on a machine without a GPU it logs an error for that

ROWS = 40
"""Operators in the table."""


class Profile(L.Callback):
    """Profiles some training steps after the first, which makes the optimiser's moments.

    ``profile.txt`` has the operators that take longest; ``profile.json`` shows the steps on a time line, in the
    browser at ui.perfetto.dev.

    Args:
        folder: The run's folder.
        steps: Optimiser steps that are profiled, with all the batches that make each.
    """

    def __init__(self, folder: str, steps: Count) -> None:
        self.table, self.timeline, self.steps = Path(folder) / "profile.txt", Path(folder) / "profile.json", steps
        self.profiler: profile | None = None
        self.left_out = 0  # batches of the first step that are still to come

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin, on the first rank alone."""
        if trainer.is_global_zero:
            batches = trainer.accumulate_grad_batches
            self.left_out = batches
            self.table.parent.mkdir(parents=True, exist_ok=True)
            self.profiler = profile(
                activities=activities(),
                schedule=schedule(wait=0, warmup=batches, active=batches * self.steps, repeat=1),
                on_trace_ready=self._write,
            )
            self.profiler.start()

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Count the batch."""
        if self.profiler:
            self.left_out -= 1
            self.profiler.step()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End, and say where to look."""
        if self.profiler:
            self.profiler.stop()
            self.profiler = None
            print(
                f"The operators that take longest are in {self.table}; ui.perfetto.dev shows {self.timeline}"
                if self.table.is_file()
                else "Nothing was profiled, since the first step is left out: raise trainer.max_steps"
            )

    def _write(self, profiler: profile) -> None:
        if self.left_out >= 0:
            return  # the training ended before anything was recorded
        device = "cpu" if activities() == [ProfilerActivity.CPU] else "device"
        averages = profiler.key_averages()
        text = averages.table(f"self_{device}_time_total", row_limit=ROWS, max_name_column_width=60)
        self.table.write_text(text, encoding="utf-8")
        profiler.export_chrome_trace(str(self.timeline))


def activities() -> list[ProfilerActivity]:
    """What can be profiled here."""
    accelerators = {"cuda": ProfilerActivity.CUDA, "xpu": ProfilerActivity.XPU}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    found = [ProfilerActivity.CPU]
    if accelerator is not None and accelerator.type in accelerators:
        found.append(accelerators[accelerator.type])
    return found
