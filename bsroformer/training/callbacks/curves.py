"""The curves of a run: a CSV file and a picture in its folder, whatever the logger."""

import math
import warnings
from typing import Any

import lightning as L
from torch import Tensor

from bsroformer.atomic import replacing, set_aside, writing
from bsroformer.figures import curves_figure
from bsroformer.report.monitor import FORMER, METRICS, Monitor
from bsroformer.report.rows import Row, read_whole_rows, write_rows
from bsroformer.run_folder import RunFolder
from bsroformer.training.callbacks.throughput import MEMORY, SPEED
from bsroformer.training.finite_mean import FiniteMean
from bsroformer.training.module import SeparationModule
from bsroformer.training.run_outputs import only_told

OF_A_STEP = ("train/learning_rate", "train/gradient_norm", "train/skipped_steps", SPEED, MEMORY)
"""Logged once for an optimiser step, or for several; the other training metrics with each of a step's batches."""


class Curves(L.Callback):
    """Keeps what is logged in ``metrics.csv`` and draws ``curves.png`` after each validation.

    What is NaN or infinite is left out of a mean, and a training metric without a finite value out of its row.
    A resumed run goes on in the same files.

    Args:
        folder: The run's folder.
        monitor: Name of the score to draw.
    """

    def __init__(self, folder: str, monitor: str = FORMER) -> None:
        self.score = Monitor(monitor).metric
        run = RunFolder(folder)
        self.csv = run.metrics
        self.picture = run.curves
        self.rows: dict[int, Row] = {}
        self.means: dict[str, FiniteMean] = {}  # of the training metrics since the last row, of complete steps
        self.under_way: list[dict[str, Tensor]] = []  # metrics of the batches of the step that is not complete
        self.step = 0

    def state_dict(self) -> dict[str, Any]:
        """What has come since the last row."""
        return {"means": {name: mean.sums() for name, mean in self.means.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        means: dict[str, tuple[float, int]] = state_dict["means"]
        self.means = {name: FiniteMean(float(total), int(count)) for name, (total, count) in means.items()}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take up the curves of a run that is resumed, up to where it resumes."""
        self.step, self.under_way = trainer.global_step, []
        if trainer.global_step and self.csv.is_file():
            rows, damaged = read_whole_rows(self.csv)
            if damaged and trainer.is_global_zero:
                warnings.warn(
                    f"{self.csv} is damaged: {damaged} of its lines are skipped, and {len(rows)} are whole. It is kept "
                    f"as {set_aside(self.csv).name}.",
                    stacklevel=1,
                )
            self.rows = {step: row for step, row in rows.items() if step <= trainer.global_step}

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Note the means of the training metrics since the last note, at the logger's interval."""
        metrics, step = trainer.callback_metrics, trainer.global_step
        of_batches = {name for name in metrics if name.startswith("train/")}.difference(OF_A_STEP)
        self.under_way.append({name: metrics[name].detach() for name in of_batches})
        if step == self.step:
            return  # gradients are being accumulated
        self.step = step
        self._take_in_step()
        interval: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if step % interval == 0 and step not in self.rows:
            row = {name: mean.value() for name, mean in self.means.items()}
            row |= {name: metrics[name].item() for name in OF_A_STEP if name in metrics}
            self.rows[step] = {name: value for name, value in row.items() if math.isfinite(value)}
            self.means = {}

    def _take_in_step(self) -> None:
        """Add the batches of a complete step to the means."""
        for metrics in self.under_way:
            for name, value in metrics.items():
                self.means.setdefault(name, FiniteMean()).add(value)
        self.under_way = []

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the scores; write and draw what there is."""
        assert isinstance(pl_module, SeparationModule)
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        scores = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        self.rows.setdefault(trainer.global_step, {}).update(scores)
        with only_told():
            write_rows(self.csv, self.rows)
            with replacing(self.picture) as partial, writing(self.picture):
                figure = curves_figure(self.rows, pl_module.model.stems, self.score, METRICS[self.score])
                figure.savefig(partial, format="png", dpi=110)

    def on_save_checkpoint(self, trainer: L.Trainer, *_: object) -> None:
        """Write what there is: a run that resumes from the checkpoint takes it up from the file."""
        if trainer.is_global_zero and self.rows:
            with only_told():
                write_rows(self.csv, self.rows)
