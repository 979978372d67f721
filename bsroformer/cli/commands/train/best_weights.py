"""The best checkpoint of a training, or the average of the best few.

The average is returned if it scores better.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from rich.console import Console

from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.average import average_checkpoints, average_ledger
from bsroformer.checkpoints.save import save_weights
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.report.monitor import DEFAULT_MONITOR, Monitor
from bsroformer.run_folder import AVERAGE
from bsroformer.text import count
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.candidates import Candidates

LIGHTNING = {"pytorch-lightning_version": L.__version__}
"""The entry that Lightning requires in a checkpoint."""


@dataclass(frozen=True)
class Scored:
    """A checkpoint and its score.

    The path is empty if no checkpoint was kept; the score is NaN if it has none.
    """

    path: str
    score: float


def check_averaging(cfg: TrainConfig, trainer: L.Trainer) -> None:
    """Check that the candidates to average will be kept.

    Raises:
        InputError: If ``average_best`` is set and no callback keeps the candidates, or weights are frozen.
    """
    if cfg.average_best is not None and cfg.adaptation is not None:
        raise InputError(
            f"average_best={cfg.average_best} cannot be used with lora or train_only, since the product of averages is "
            "not the average of updates; set average_best=null"
        )
    if cfg.average_best is not None and _candidates(trainer) is None:
        raise InputError(
            f"average_best={cfg.average_best} needs the callback candidates, which this run lacks; "
            "set average_best=null, or choose callbacks=default"
        )


def report_no_best(best: Scored, monitor: Monitor, last: Path, console: Console) -> None:
    """Print a reason if no checkpoint is the best."""
    if not best.path and last.is_file():
        console.print(
            f"No validation had a score (monitor={monitor.name}), so the run has no best checkpoint; {last} has the "
            "latest weights",
            style="yellow",
        )


def best_of_run(
    trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, monitor: Monitor, console: Console
) -> Scored:
    """Return the best validated checkpoint, or the average of the best few.

    Every process must call it, since all take part in the average's validation; one writes ``average.ckpt``.
    """
    best = best_checkpoint(trainer, monitor)
    callback = _candidates(trainer)
    if callback is None or callback.count is None:
        return best
    path: str | None = None
    if trainer.is_global_zero:
        path = _write_average(callback, console)
    path = trainer.strategy.broadcast(path)
    if path is None:
        return best
    average = Scored(path, _validated(trainer, module, data, path, monitor))
    scores = f"{monitor.text(average.score)} in validation, and the best one {monitor.text(best.score)}"
    console.print(f"The average of the {len(callback.scores)} best, {path}, has {scores}")
    is_better = monitor.gain(average.score) > monitor.gain(best.score)
    return average if is_better else best


def _candidates(trainer: L.Trainer) -> Candidates | None:
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, Candidates)), None)


def best_checkpoint(trainer: L.Trainer, monitor: Monitor = DEFAULT_MONITOR) -> Scored:
    """Return the checkpoint kept as the best, and its score.

    If none is kept, the score is that of the last validation.
    """
    callback = trainer.checkpoint_callback
    last = float(trainer.callback_metrics.get(monitor.name, math.nan))
    if not isinstance(callback, ModelCheckpoint) or callback.best_model_score is None:
        return Scored("", last)
    score = float(callback.best_model_score)
    if not math.isfinite(score):  # Lightning's own class turns NaN into infinity
        return Scored("", math.nan)
    return Scored(callback.best_model_path, score)


def _write_average(callback: Candidates, console: Console) -> str | None:
    """Average the candidates into ``average.ckpt`` beside their folder."""
    files = callback.best_first
    if len(files) < 2:
        console.print(f"No average was written: {count(len(files), 'validation')} had a score", style="yellow")
        return None
    path = callback.folder.parent / AVERAGE
    try:
        opened = [open_checkpoint(file) for file in files]
        save_weights(average_checkpoints(opened), path, LIGHTNING, average_ledger(opened))
    except InputError as error:  # the training has its other results
        console.print(f"No average was written: {error}", style="yellow")
        return None
    return str(path)


def _validated(
    trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, path: str, monitor: Monitor
) -> float:
    """Validate a checkpoint of weights, and return its score."""
    with _unwatched(trainer):
        [scores] = trainer.validate(module, datamodule=data, ckpt_path=path, verbose=False)
    return scores[monitor.name]


@contextmanager
def _unwatched(trainer: L.Trainer) -> Iterator[None]:
    """Keep a validation out of curves, previews and logs.

    It belongs to no step of the training.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    loggers = trainer.loggers
    trainer.callbacks = []  # type: ignore[attr-defined]
    trainer.loggers = []
    try:
        yield
    finally:
        trainer.callbacks = callbacks  # type: ignore[attr-defined]
        trainer.loggers = loggers
