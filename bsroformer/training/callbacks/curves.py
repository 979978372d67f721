"""Curves of a run: a CSV file and a plot in its folder, independent of the logger."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import lightning as L
from torch import Tensor

from bsroformer.atomic import replacing, set_aside, writing
from bsroformer.figures import curves_figure
from bsroformer.report.metrics_csv import Row, read_whole_rows, write_rows
from bsroformer.report.monitor import LEGACY_MONITOR, VALIDATION_METRICS, Monitor
from bsroformer.run_folder import RunFolder
from bsroformer.training.callbacks.throughput import MEMORY, SPEED
from bsroformer.training.finite_mean import FiniteMean
from bsroformer.training.module import SeparationModule
from bsroformer.training.run_outputs import warn_on_write_error

OF_A_STEP = ("train/learning_rate", "train/gradient_norm", "train/skipped_steps", SPEED, MEMORY)
"""Metrics that are logged once per optimiser step or less often; the others are logged with each batch."""


class Curves(L.Callback):
    """Write logged metrics to ``metrics.csv`` and plot them in ``curves.png``.

    A mean skips NaN and infinity, and a row skips a training metric without a finite value. A resumed run continues
    the same files.

    Args:
        folder: The run's folder.
        monitor: Name of the score to plot.
    """

    def __init__(self, folder: str, monitor: str = LEGACY_MONITOR) -> None:
        run = RunFolder(folder)
        self.csv = run.metrics
        self.picture = run.curves
        self.score = Monitor(monitor).metric
        self.rows: dict[int, Row] = {}
        self.means: dict[str, FiniteMean] = {}  # training metrics of complete steps since the last row
        self.under_way: list[dict[str, Tensor]] = []  # metrics of the batches of an incomplete step
        self.step = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the metrics since the last row, for checkpoints."""
        return {"means": {name: mean.sums() for name, mean in self.means.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        means: dict[str, tuple[float, int]] = state_dict["means"]
        self.means = {}
        for name, (total, count) in means.items():
            self.means[name] = FiniteMean(float(total), int(count))

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Read the rows of a resumed run up to the step where it resumes."""
        self.step = trainer.global_step
        self.under_way = []
        if trainer.global_step == 0 or not self.csv.is_file():
            return
        rows, damaged = read_whole_rows(self.csv)
        if damaged and trainer.is_global_zero:
            self._keep_damaged_file(damaged, len(rows))
        self.rows = {step: row for step, row in rows.items() if step <= trainer.global_step}

    def _keep_damaged_file(self, damaged: int, whole: int) -> None:
        renamed = set_aside(self.csv)
        warnings.warn(
            f"{self.csv} is damaged: {damaged} of its lines are skipped, and {whole} are whole. It is kept as "
            f"{renamed.name}.",
            stacklevel=1,
        )

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        """Add a row with the means since the last one, at the logger's interval."""
        self._collect_batch(trainer.callback_metrics)
        step = trainer.global_step
        if step == self.step:
            return  # gradients are being accumulated
        self.step = step
        self._add_step_to_means()
        interval: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if step % interval == 0 and step not in self.rows:
            self._add_row(trainer.callback_metrics)

    def _collect_batch(self, metrics: dict[str, Tensor]) -> None:
        of_batches = {}
        for name, value in metrics.items():
            if name.startswith("train/") and name not in OF_A_STEP:
                of_batches[name] = value.detach()
        self.under_way.append(of_batches)

    def _add_step_to_means(self) -> None:
        for metrics in self.under_way:
            for name, value in metrics.items():
                mean = self.means.setdefault(name, FiniteMean())
                mean.add(value)
        self.under_way = []

    def _add_row(self, metrics: dict[str, Tensor]) -> None:
        row = {name: mean.value() for name, mean in self.means.items()}
        for name in OF_A_STEP:
            if name in metrics:
                row[name] = metrics[name].item()
        self.rows[self.step] = {name: value for name, value in row.items() if math.isfinite(value)}
        self.means = {}

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the scores; write the file and the plot."""
        assert isinstance(pl_module, SeparationModule)
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        row = self.rows.setdefault(trainer.global_step, {})
        for name, value in trainer.callback_metrics.items():
            if name.startswith("val/"):
                row[name] = value.item()
        with warn_on_write_error():
            write_rows(self.csv, self.rows)
            self._plot(pl_module.model.stems)

    def _plot(self, stems: Sequence[str]) -> None:
        figure = curves_figure(self.rows, stems, self.score, VALIDATION_METRICS[self.score])
        with replacing(self.picture) as partial, writing(self.picture):
            figure.savefig(partial, format="png", dpi=110)

    def on_save_checkpoint(self, trainer: L.Trainer, *_: object) -> None:
        """Write the file, which a run that resumes from the checkpoint reads."""
        if trainer.is_global_zero and self.rows:
            with warn_on_write_error():
                write_rows(self.csv, self.rows)
