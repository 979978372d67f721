"""Log the scores of an evaluation, and renew the run's report."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import lightning as L
from lightning.pytorch.loggers import Logger
from rich.console import Console

from bsroformer.cli.commands.train.build import build_logger
from bsroformer.cli.commands.train.run_end import renew_report
from bsroformer.cli.commands.train.wandb_mode import finish_wandb, logs_to_wandb, use_wandb_offline_without_key
from bsroformer.cli.schemas.components import Component
from bsroformer.evaluation import Results, Scores
from bsroformer.evaluation.result_files import ALL_SONGS
from bsroformer.evaluation.scores import MEAN
from bsroformer.training.run_outputs import log_table


def log_scores(trainer: L.Trainer, results: Results) -> None:
    """Log the scores of the test songs and their table; renew the report.

    The scores are ``test/<metric>`` and ``test/<metric>_<stem>`` in dB.
    """
    _log(trainer.loggers, results, trainer.global_step)
    renew_report(trainer)


def log_results(chosen: Component, folder: Path, results: Results, console: Console) -> None:
    """Log the same to a logger in an evaluation's folder, without a training."""
    offline = logs_to_wandb(chosen) and use_wandb_offline_without_key()
    logger = build_logger(chosen, folder=folder)
    try:
        _log([logger], results, step=0)
        logger.finalize("success")
    finally:
        finish_wandb()
    if offline:
        console.print(f"To see this in Weights & Biases: wandb sync {folder}/wandb/latest-run")


def _log(loggers: Sequence[Logger], results: Results, step: int) -> None:
    metrics = averages_by_name(results)
    for logger in loggers:
        logger.log_metrics(metrics, step)
    log_table(loggers, f"{results.split}/songs", table_columns(results), list(table_lines(results)), step)
    for logger in loggers:
        logger.save()


def averages_by_name(results: Results) -> dict[str, float]:
    """Return the averages that are defined by their logged names.

    The names are ``<split>/<metric>_<stem>``.

    The names of several methods come before the metric's. Floor and ceilings are only in the table.
    """
    has_several = len(results.evaluated) > 1
    averages: dict[str, float] = {}
    for method in results.evaluated:
        prefix = f"{results.split}/{method.method}/" if has_several else f"{results.split}/"
        for stem, scores in method.averages.items():
            ending = "" if stem == MEAN else f"_{stem}"
            for metric, value in scores.items():
                name = metric.lower().replace("-", "_")
                if not math.isnan(value):
                    averages[f"{prefix}{name}{ending}"] = value
    return averages


def table_columns(results: Results) -> tuple[str, ...]:
    """Column headings of the rows."""
    return ("method", "song", "stem", *results.metrics)


def table_lines(results: Results) -> Iterator[tuple[str | float, ...]]:
    """Yield the rows for each method, song and stem, then the averages."""
    for method in results.evaluations:
        for song in method.songs:
            yield from _lines(results, method.method, song.song, song.scores(method.metrics))
    for method in results.evaluations:
        yield from _lines(results, method.method, ALL_SONGS, method.averages)


def _lines(results: Results, method: str, song: str, scores: Scores) -> Iterator[tuple[str | float, ...]]:
    for stem, values in scores.items():
        yield (method, song, stem, *(values.get(metric, math.nan) for metric in results.metrics))
