"""The curves of a run: a CSV file and a picture in its folder, whatever the logger."""

import csv
import math
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from bsroformer.atomic import replacing, writing
from bsroformer.figures import curves_figure
from bsroformer.training.module import SeparationModule

Row = dict[str, float]
OF_A_STEP = ("train/learning_rate", "train/gradient_norm", "train/skipped_steps")
"""Logged once for each optimiser step; the other training metrics with each of its batches."""


class Curves(L.Callback):
    """Keeps what is logged in ``metrics.csv`` and draws ``curves.png`` after each validation.

    What is NaN or infinite is left out of a mean, and a training metric without a finite value out of its row.
    A resumed run goes on in the same files.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: str) -> None:
        self.csv, self.picture = Path(folder) / "metrics.csv", Path(folder) / "curves.png"
        self.rows: dict[int, Row] = {}
        self.means: dict[str, FiniteMean] = {}  # of the training metrics since the last row

    def state_dict(self) -> dict[str, Any]:
        """What has come since the last row."""
        return {"means": {name: (float(mean.total), int(mean.count)) for name, mean in self.means.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.means = {name: FiniteMean(*sums) for name, sums in state_dict["means"].items()}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take up the curves of a run that is resumed, up to where it resumes."""
        if trainer.global_step and self.csv.is_file():
            rows = read_rows(self.csv)
            self.rows = {step: row for step, row in rows.items() if step <= trainer.global_step}

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Note the means of the training metrics since the last note, at the logger's interval."""
        metrics = trainer.callback_metrics
        for name, value in metrics.items():
            if name.startswith("train/") and name not in OF_A_STEP:
                self.means.setdefault(name, FiniteMean()).add(value.detach())
        step, interval = trainer.global_step, trainer.log_every_n_steps  # type: ignore[attr-defined]
        if step > 0 and step % interval == 0 and step not in self.rows:
            row = {name: mean.value() for name, mean in self.means.items()}
            row |= {name: metrics[name].item() for name in OF_A_STEP if name in metrics}
            self.rows[step] = {name: value for name, value in row.items() if math.isfinite(value)}
            self.means = {}
            if trainer.is_global_zero:
                write_rows(self.csv, self.rows)  # before a checkpoint is: one that goes on has the rows up to it

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the scores; write and draw what there is."""
        assert isinstance(pl_module, SeparationModule)
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        scores = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        self.rows.setdefault(trainer.global_step, {}).update(scores)
        write_rows(self.csv, self.rows)
        curves_figure(self.rows, pl_module.model.stems).savefig(self.picture, dpi=110)


class FiniteMean:
    """The mean of those numbers that are finite; their device is not waited for until the mean is wanted.

    Args:
        total: Of numbers that came before.
        count: How many these were.
    """

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self.total: Tensor | float = total
        self.count: Tensor | int = count

    def add(self, number: Tensor) -> None:
        """Take in one more."""
        finite = number.isfinite()
        self.total, self.count = self.total + torch.where(finite, number, 0), self.count + finite.int()

    def value(self) -> float:
        """The mean; NaN if none was finite."""
        count = int(self.count)
        return float(self.total) / count if count else math.nan


def write_rows(path: Path, rows: dict[int, Row]) -> None:
    """Write one line for each step, with an empty cell where a metric has no value."""
    names = sorted({name for row in rows.values() for name in row})
    with replacing(path) as partial, writing(path), partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["step", *names])
        writer.writeheader()
        writer.writerows({"step": step, **row} for step, row in sorted(rows.items()))


def read_rows(path: Path) -> dict[int, Row]:
    """Read what `write_rows` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            int(line.pop("step")): {name: float(value) for name, value in line.items() if value}
            for line in csv.DictReader(file)
        }
