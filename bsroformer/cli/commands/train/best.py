"""What a training gives in the end: its best checkpoint, or the average of the best few."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from rich.console import Console

from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.average import average_checkpoints
from bsroformer.checkpoints.save import save_weights
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.report.monitor import FORMER_MONITOR, Monitor
from bsroformer.run_folder import AVERAGE
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.candidates import Candidates

LIGHTNING = {"pytorch-lightning_version": L.__version__}
"""Without it Lightning reads no checkpoint."""


@dataclass(frozen=True)
class Scored:
    """A checkpoint, empty if none was kept, and its score in validation, NaN if it has none."""

    path: str
    score: float


def check_averaging(cfg: TrainConfig, trainer: L.Trainer) -> None:
    """Find out before the training whether its best weights will be kept.

    Raises:
        InputError: If they are to be averaged, and no callback keeps them.
    """
    if cfg.average_best is not None and _candidates(trainer) is None:
        raise InputError(
            f"average_best={cfg.average_best} needs the callback candidates, and this run has none: "
            "set average_best=null, or choose callbacks=default"
        )


def report_no_best(best: Scored, monitor: Monitor, last: Path, console: Console) -> None:
    """Print why no checkpoint is the best, if none is."""
    if not best.path and last.is_file():
        console.print(
            f"No validation had a score (monitor={monitor.name}), so no checkpoint is called the best; {last} has the "
            "latest weights",
            style="yellow",
        )


def best_of_run(
    trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, monitor: Monitor, console: Console
) -> Scored:
    """The best checkpoint of a training: the best validated, or the average of the best few if that scores better.

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
    beside = f"{monitor.text(average.score)} in validation, and the best one {monitor.text(best.score)}"
    console.print(f"The average of the {len(callback.scores)} best, {path}, has {beside}")
    return average if monitor.gain(average.score) > monitor.gain(best.score) else best


def _candidates(trainer: L.Trainer) -> Candidates | None:
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, Candidates)), None)


def best_checkpoint(trainer: L.Trainer, monitor: Monitor = FORMER_MONITOR) -> Scored:
    """The checkpoint kept as the best and its score; the score of the last validation if none is kept."""
    callback, last = trainer.checkpoint_callback, float(trainer.callback_metrics.get(monitor.name, math.nan))
    if not isinstance(callback, ModelCheckpoint) or callback.best_model_score is None:
        return Scored("", last)
    score = float(callback.best_model_score)
    if not math.isfinite(score):  # what Lightning's own class makes of NaN
        return Scored("", math.nan)
    return Scored(callback.best_model_path, score)


def _write_average(callback: Candidates, console: Console) -> str | None:
    """Average the candidates into ``average.ckpt`` beside their folder."""
    files = callback.best_first
    if len(files) < 2:
        console.print(f"There is no average: {len(files)} of the validations have a score", style="yellow")
        return None
    path = callback.folder.parent / AVERAGE
    try:
        save_weights(average_checkpoints([open_checkpoint(file) for file in files]), path, LIGHTNING)
    except InputError as error:  # all else of the training is there
        console.print(f"There is no average: {error}", style="yellow")
        return None
    return str(path)


def _validated(
    trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, path: str, monitor: Monitor
) -> float:
    """Score of a checkpoint of weights in a validation like those of the training."""
    with _unwatched(trainer):
        [scores] = trainer.validate(module, datamodule=data, ckpt_path=path, verbose=False)
    return scores[monitor.name]


@contextmanager
def _unwatched(trainer: L.Trainer) -> Iterator[None]:
    """Keep a validation out of curves, previews and logs: it is of no step of the training."""
    callbacks, loggers = trainer.callbacks, trainer.loggers  # type: ignore[attr-defined]
    trainer.callbacks, trainer.loggers = [], []  # type: ignore[attr-defined]
    try:
        yield
    finally:
        trainer.callbacks, trainer.loggers = callbacks, loggers  # type: ignore[attr-defined]
