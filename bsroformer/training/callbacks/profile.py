"""Profiles of training steps."""

import os
from pathlib import Path

import lightning as L
import torch
from torch.profiler import ProfilerActivity, profile, schedule

from bsroformer.kinds import Count

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or it logs an error on a machine without a GPU

MAX_OPERATORS = 40
"""Operators in the table."""


class Profile(L.Callback):
    """Profile some training steps after the first.

    ``profile.txt`` lists the operators that take longest; ``profile.json`` is a timeline of the steps for
    ui.perfetto.dev.

    Args:
        folder: The run's folder.
        steps: Optimiser steps that are profiled, with all batches of each.
    """

    def __init__(self, folder: str, steps: Count) -> None:
        self.table = Path(folder) / "profile.txt"
        self.timeline = Path(folder) / "profile.json"
        self.steps = steps
        self.profiler: profile | None = None
        self.warm_up_left = 0  # batches of the first step that are still to come

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start, on the first rank only."""
        if not trainer.is_global_zero:
            return
        batches = trainer.accumulate_grad_batches
        self.warm_up_left = batches
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
            self.warm_up_left -= 1
            self.profiler.step()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop, and print where the files are."""
        if self.profiler is None:
            return
        self.profiler.stop()
        self.profiler = None
        if self.table.is_file():
            print(f"The operators that take longest are in {self.table}; ui.perfetto.dev shows {self.timeline}")
        else:
            print("Nothing was profiled, since the first step is skipped; raise trainer.max_steps")

    def _write(self, profiler: profile) -> None:
        if self.warm_up_left >= 0:
            return  # the training ended before anything was recorded
        has_device = activities() != [ProfilerActivity.CPU]
        device = "device" if has_device else "cpu"
        averages = profiler.key_averages()
        text = averages.table(f"self_{device}_time_total", row_limit=MAX_OPERATORS, max_name_column_width=60)
        self.table.write_text(text, encoding="utf-8")
        profiler.export_chrome_trace(str(self.timeline))


def activities() -> list[ProfilerActivity]:
    """The kinds of activity that can be profiled on this machine."""
    accelerators = {"cuda": ProfilerActivity.CUDA, "xpu": ProfilerActivity.XPU}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    found = [ProfilerActivity.CPU]
    if accelerator is not None and accelerator.type in accelerators:
        found.append(accelerators[accelerator.type])
    return found
