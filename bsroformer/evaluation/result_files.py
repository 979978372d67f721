"""Files of results: JSON, CSV for spreadsheets, Markdown to paste, figures.

Each is written to a temporary file and then moved, so that no file is incomplete.
"""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bsroformer.atomic import replacing, write_text, writing
from bsroformer.evaluation import captions
from bsroformer.evaluation.results import DIGITS, Results
from bsroformer.evaluation.scores import Evaluation, Scores
from bsroformer.metrics import METRICS
from bsroformer.report.evaluation_tables import difference_table, scores_table, undefined_seconds_table
from bsroformer.report.markdown import markdown_table
from bsroformer.text import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL_SONGS = "all songs"
"""Name of the song in rows of averages."""
FACTS = ("method", "kind", "song", "stem", "seconds", "seconds_scored", "seconds_undefined")
"""Columns of the CSV file before the metrics."""


def write_json(results: Results, path: Path) -> None:
    """Write `Results.to_dict`; an undefined score is ``null``."""
    text = json.dumps(results.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n")


def write_csv(results: Results, path: Path) -> None:
    """Write a row for each method, song and stem, then each method's averages.

    An undefined score is empty.
    """
    with replacing(path) as partial, writing(path), partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*FACTS, *results.metrics])
        for evaluation in results.evaluations:
            writer.writerows(_song_rows(evaluation, results.metrics))
        for evaluation in results.evaluations:
            writer.writerows(_average_rows(evaluation, results.metrics))


def write_markdown(results: Results, path: Path) -> None:
    """Write averages, differences, undefined scores and definitions of metrics."""
    write_text(path, "\n\n".join(_markdown(results)) + "\n")


def write_figure(figure: "Figure", path: Path, dpi: int = 150) -> None:
    """Write a figure in the format of the path's suffix: png, svg, pdf."""
    with replacing(path) as partial, writing(path):
        kind = path.suffix.lstrip(".")
        undated = {"Date": None} if kind == "svg" else None  # so that equal results have equal files
        figure.savefig(partial, format=kind, dpi=dpi, metadata=undated)


def _song_rows(evaluation: Evaluation, metrics: tuple[str, ...]) -> Iterator[list[str]]:
    for song in evaluation.songs:
        facts = [f"{song.seconds:.3f}", str(song.seconds_scored), str(song.seconds_undefined)]
        yield from _rows(evaluation, song.song, facts, song.scores(evaluation.metrics), metrics)


def _average_rows(evaluation: Evaluation, metrics: tuple[str, ...]) -> Iterator[list[str]]:
    seconds = sum(song.seconds for song in evaluation.songs)
    scored = sum(song.seconds_scored for song in evaluation.songs)
    undefined = sum(song.seconds_undefined for song in evaluation.songs)
    facts = [f"{seconds:.3f}", str(scored), str(undefined)]
    yield from _rows(evaluation, ALL_SONGS, facts, evaluation.averages, metrics)


def _rows(
    evaluation: Evaluation, song: str, facts: list[str], scores: Scores, metrics: tuple[str, ...]
) -> Iterator[list[str]]:
    """Yield the rows of a song in the CSV file, one for each stem."""
    for stem, by_metric in scores.items():
        values = [by_metric.get(metric, math.nan) for metric in metrics]
        cells = ["" if math.isnan(db) else f"{db:.{DIGITS}f}" for db in values]
        yield [evaluation.method, evaluation.kind, song, stem, *facts, *cells]


def _markdown(results: Results) -> Iterator[str]:
    """Yield the parts of ``results.md``, which empty lines separate."""
    tree = results.tree()
    yield f"# Scores on {count(len(results.songs), 'song')} ({results.split})"
    yield markdown_table(scores_table(tree))
    yield f"{captions.averaging(results)} {captions.resampling()}"
    for pair in tree["differences"]:
        yield f"## {pair['method']} minus {pair['minus']}"
        yield markdown_table(difference_table(tree, pair))
    if results.differences:
        yield captions.pairing()
    yield "## Undefined scores"
    undefined = [*captions.undefined_seconds(results, 0), captions.silent_stems(results), *captions.failed(results)]
    yield "\n".join(f"- {line}" for line in undefined)
    seconds = undefined_seconds_table(tree, total=True)
    if seconds:
        yield "Seconds without a score, of all seconds of the song:"
        yield markdown_table(seconds)
    yield "## Metrics"
    yield "\n".join(f"- **{name}**: {METRICS[name].definition}" for name in results.metrics)
