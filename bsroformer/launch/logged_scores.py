"""The closing evaluation where the rest of the run is watched: its logger and its report."""

import math
from collections.abc import Iterator

import lightning as L

from bsroformer.evaluation import Evaluation, Scores
from bsroformer.evaluation.scores import mean_over_stems
from bsroformer.training.report import Report
from bsroformer.training.watching import log_table


def log_scores(trainer: L.Trainer, evaluation: Evaluation) -> None:
    """Log ``test/<metric>`` and ``test/<metric>_<stem>`` in dB, and the table of all songs; renew the report."""
    step = trainer.global_step
    metrics = averages_by_name(evaluation)
    columns = ("song", "stem", *evaluation.metrics)
    for logger in trainer.loggers:
        logger.log_metrics(metrics, step)
    log_table(trainer.loggers, "test/songs", columns, list(table_lines(evaluation)), step)
    for logger in trainer.loggers:
        logger.save()
    for report in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(report, Report):
            report.write()


def averages_by_name(evaluation: Evaluation) -> dict[str, float]:
    """The averages that are defined, by the names under which they are logged."""
    means = {"": mean_over_stems(evaluation.scores)} | {f"_{stem}": of for stem, of in evaluation.scores.items()}
    return {
        f"test/{metric.lower().replace('-', '_')}{ending}": value
        for ending, of in means.items()
        for metric, value in of.items()
        if not math.isnan(value)
    }


def table_lines(evaluation: Evaluation) -> Iterator[tuple[str | float, ...]]:
    """A line of the table for each song and stem, and last the averages over all songs."""
    of_songs: list[tuple[str, Scores]] = [(song.song, song.scores) for song in evaluation.songs]
    averages = {**evaluation.scores, "mean": mean_over_stems(evaluation.scores)}
    for song, scores in (*of_songs, ("all songs", averages)):
        for stem, values in scores.items():
            yield (song, stem, *(values[metric] for metric in evaluation.metrics))
