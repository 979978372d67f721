"""Write an evaluation down: a table for the terminal, JSON for programs, CSV for spreadsheets, figures.

Files appear whole or not at all: each is written beside its place and then moved there.
"""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from bsroformer.atomic import replacing
from bsroformer.evaluation.scores import MEDIAN_METRICS, Evaluation, Scores, mean_over_stems

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def scores_table(evaluation: Evaluation, title: str = "") -> Table:
    """A table of every stem and the mean, and below it what the mixture scores as the estimate of each.

    Args:
        evaluation: The scores, of all songs or of those done so far.
        title: What was evaluated, and on what.

    Returns:
        A table to print with ``rich``.
    """
    table = Table(title=title or None, caption=_caption(evaluation), caption_justify="left")
    table.add_column("stem")
    for metric in evaluation.metrics:
        table.add_column(metric, justify="right", no_wrap=True)
    _add_rows(table, evaluation.scores, evaluation.metrics)
    _add_rows(table, evaluation.mixture, evaluation.metrics, prefix="mixture · ", style="dim")
    return table


def write_json(evaluation: Evaluation, path: Path) -> None:
    """Write averages and songs as JSON; an undefined score is ``null``."""
    text = json.dumps(evaluation.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)
    with replacing(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def write_csv(evaluation: Evaluation, path: Path) -> None:
    """Write a row per song and stem, and last the averages; an undefined score is an empty cell."""
    baseline = [f"mixture {metric}" for metric in next(iter(evaluation.mixture.values()))]
    seconds = sum(song.seconds for song in evaluation.songs)
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["song", "seconds", "stem", *evaluation.metrics, *baseline])
        for song in evaluation.songs:
            writer.writerows(_rows(song.song, song.seconds, song.scores, song.mixture))
        averages = _with_mean_row(evaluation.scores), _with_mean_row(evaluation.mixture)
        writer.writerows(_rows("all songs", seconds, *averages))


def write_figure(figure: "Figure", path: Path, dpi: int = 150) -> None:
    """Write a figure in the format that the suffix of the path names: png, svg, pdf."""
    with replacing(path) as partial:
        figure.savefig(partial, format=path.suffix.lstrip("."), dpi=dpi)


def _add_rows(table: Table, scores: Scores, metrics: Sequence[str], prefix: str = "", style: str | None = None) -> None:
    """Add a section of stems and their mean."""
    for stem, values in _with_mean_row(scores).items():
        decibels = [values.get(metric, math.nan) for metric in metrics]
        cells = ["–" if math.isnan(db) else f"{db:.2f}" for db in decibels]
        table.add_row(prefix + stem, *cells, style=style or ("bold" if stem == "mean" else None))
    table.add_section()


def _with_mean_row(scores: Scores) -> Scores:
    return {**scores, "mean": mean_over_stems(scores)}


def _caption(evaluation: Evaluation) -> str:
    """Say how the averages were made and what was left out of them."""
    songs = len(evaluation.songs)
    stems = songs * len(evaluation.stems)
    frames = sum(song.frames for song in evaluation.songs)
    skipped = sum(song.undefined_frames for song in evaluation.songs)
    silent = sum(max(counts.values()) for counts in evaluation.undefined.values())
    return (
        f"dB: mean over {songs} song{'s' * (songs != 1)}, median for {', '.join(MEDIAN_METRICS)}. "
        f"Left out as silent: {silent} of {stems} stems, {skipped} of {frames} seconds."
    )


def _rows(song: str, seconds: float, scores: Scores, mixture: Scores) -> Iterator[list[str]]:
    """The rows of a song in the CSV file, one per stem."""
    for stem in scores:
        values = [*scores[stem].values(), *mixture[stem].values()]
        yield [song, f"{seconds:.3f}", stem, *("" if math.isnan(db) else f"{db:.4f}" for db in values)]
