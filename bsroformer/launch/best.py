"""What a training gives in the end: its best checkpoint, or the average of the best few."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig
from rich.console import Console

from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.average import average_of
from bsroformer.checkpoints.save import save_weights
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.report.rows import SCORE
from bsroformer.training import SeparationModule
from bsroformer.training.candidates import Candidates

LIGHTNING = {"pytorch-lightning_version": L.__version__}
"""Without it Lightning reads no checkpoint."""


@dataclass(frozen=True)
class Scored:
    """A checkpoint, empty if none was kept, and its validation SI-SDR in dB, NaN if there was none."""

    path: str
    score: float


def check_averaging(cfg: DictConfig, trainer: L.Trainer) -> None:
    """Find out before the training whether its best weights will be kept.

    Raises:
        InputError: If they are to be averaged, and no callback keeps them.
    """
    if cfg.average_best is not None and _candidates(trainer) is None:
        raise InputError(
            f"average_best={cfg.average_best} needs the callback candidates, and this run has none: "
            "set average_best=null, or choose callbacks=default"
        )


def best_of_run(trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, console: Console) -> Scored:
    """The best checkpoint of a training: the best validated, or the average of the best few if that scores higher.

    Every process must call it, since all take part in the average's validation; one writes ``average.ckpt``.
    """
    best = best_checkpoint(trainer)
    callback = _candidates(trainer)
    if callback is None or callback.count is None:
        return best
    path: str | None = None
    if trainer.is_global_zero:
        path = _write_average(callback, console)
    path = trainer.strategy.broadcast(path)
    if path is None:
        return best
    average = Scored(path, _validated(trainer, module, data, path))
    beside = f"{average.score:.2f} dB SI-SDR in validation, and the best one {best.score:.2f} dB"
    console.print(f"The average of the {len(callback.scores)} best, {path}, has {beside}")
    return average if average.score > best.score else best


def _candidates(trainer: L.Trainer) -> Candidates | None:
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, Candidates)), None)


def best_checkpoint(trainer: L.Trainer) -> Scored:
    """The checkpoint kept as the best and its score; the score of the last validation if none is kept."""
    callback, last = trainer.checkpoint_callback, trainer.callback_metrics.get(SCORE, math.nan)
    if not isinstance(callback, ModelCheckpoint):
        return Scored("", float(last))
    score = callback.best_model_score
    return Scored(callback.best_model_path, float(last if score is None else score))


def _write_average(callback: Candidates, console: Console) -> str | None:
    """Average the candidates into ``average.ckpt`` beside their folder."""
    files = callback.best_first
    if len(files) < 2:
        console.print(f"There is no average: {len(files)} of the validations have a score", style="yellow")
        return None
    path = callback.folder.parent / "average.ckpt"
    try:
        save_weights(average_of([open_checkpoint(file) for file in files]), path, LIGHTNING)
    except InputError as error:  # all else of the training is there
        console.print(f"There is no average: {error}", style="yellow")
        return None
    return str(path)


def _validated(trainer: L.Trainer, module: SeparationModule, data: StemsDataModule, path: str) -> float:
    """The validation SI-SDR in dB of a checkpoint of weights, as the training's own validations score."""
    with _unwatched(trainer):
        [scores] = trainer.validate(module, datamodule=data, ckpt_path=path, verbose=False)
    return scores[SCORE]


@contextmanager
def _unwatched(trainer: L.Trainer) -> Iterator[None]:
    """Keep a validation out of curves, previews and logs: it is of no step of the training."""
    callbacks, loggers = trainer.callbacks, trainer.loggers  # type: ignore[attr-defined]
    trainer.callbacks, trainer.loggers = [], []  # type: ignore[attr-defined]
    try:
        yield
    finally:
        trainer.callbacks, trainer.loggers = callbacks, loggers  # type: ignore[attr-defined]
