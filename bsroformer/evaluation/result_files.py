"""Write results down: JSON for programs, CSV for spreadsheets, Markdown to paste, pictures.

Files appear whole or not at all: each is written beside its place and then moved there.
"""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bsroformer.atomic import replacing, write_text, writing
from bsroformer.evaluation import captions
from bsroformer.evaluation.bootstrap import Difference, Differences
from bsroformer.evaluation.results import DIGITS, Results
from bsroformer.evaluation.scores import MEAN, Evaluation, Scores
from bsroformer.metrics.registry import DEFINITIONS
from bsroformer.report.markdown import markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL_SONGS = "all songs"
"""What stands for a song in rows of averages."""


def write_json(results: Results, path: Path) -> None:
    """Write `Results.to_dict`; an undefined score is ``null``."""
    text = json.dumps(results.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n")


def write_csv(results: Results, path: Path) -> None:
    """Write a row for each method, song and stem, then each method's averages; an undefined score is an empty cell."""
    with replacing(path) as partial, writing(path), partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        facts = ["method", "kind", "song", "stem", "seconds", "seconds_scored", "seconds_undefined"]
        writer.writerow([*facts, *results.metrics])
        for evaluation in results.evaluations:
            writer.writerows(_song_rows(evaluation, results.metrics))
        for evaluation in results.evaluations:
            facts = [
                f"{sum(song.seconds for song in evaluation.songs):.3f}",
                str(sum(song.seconds_scored for song in evaluation.songs)),
                str(sum(song.seconds_undefined for song in evaluation.songs)),
            ]
            writer.writerows(_rows(evaluation, ALL_SONGS, facts, evaluation.averages, results.metrics))


def write_markdown(results: Results, path: Path) -> None:
    """Write tables of averages and of differences, what is left out of them, and what the metrics are."""
    write_text(path, "\n\n".join(_markdown(results)) + "\n")


def write_figure(figure: "Figure", path: Path, dpi: int = 150) -> None:
    """Write a figure in the format that the suffix of the path names: png, svg, pdf."""
    with replacing(path) as partial, writing(path):
        kind = path.suffix.lstrip(".")
        undated = {"Date": None} if kind == "svg" else None  # so that equal results have equal files
        figure.savefig(partial, format=kind, dpi=dpi, metadata=undated)


def _song_rows(evaluation: Evaluation, metrics: tuple[str, ...]) -> Iterator[list[str]]:
    for song in evaluation.songs:
        facts = [f"{song.seconds:.3f}", str(song.seconds_scored), str(song.seconds_undefined)]
        yield from _rows(evaluation, song.song, facts, song.scores(evaluation.metrics), metrics)


def _rows(
    evaluation: Evaluation, song: str, facts: list[str], scores: Scores, metrics: tuple[str, ...]
) -> Iterator[list[str]]:
    """The rows of a song in the CSV file, one for each stem."""
    for stem, of in scores.items():
        values = [of.get(metric, math.nan) for metric in metrics]
        cells = ["" if math.isnan(db) else f"{db:.{DIGITS}f}" for db in values]
        yield [evaluation.method, evaluation.kind, song, stem, *facts, *cells]


def _markdown(results: Results) -> Iterator[str]:
    """The parts of ``results.md``, which empty lines divide."""
    yield f"# Scores on {captions.number(len(results.songs), 'song')} ({results.split})"
    yield _headline(results)
    yield f"{captions.averaging(results)} {captions.resampling()}"
    for pair in results.differences:
        yield f"## {pair.method} minus {pair.minus}"
        yield _differences(pair, results)
    if results.differences:
        yield captions.pairing()
    yield "## What is left out"
    yield "\n".join(f"- {line}" for line in _left_out(results))
    if seconds := _undefined_seconds(results):
        yield "Seconds without a score, of all seconds of the song:"
        yield seconds
    yield "## Metrics"
    yield "\n".join(f"- **{metric}**: {DEFINITIONS[metric]}" for metric in results.metrics)


def _headline(results: Results) -> str:
    lines = []
    for row in results.rows:
        for evaluation in results.evaluations:
            averages = evaluation.averages.get(row, {})
            ends = results.intervals[evaluation.method].get(row, {})
            cells = [
                f"{captions.decibels(averages.get(metric, math.nan))} {captions.bounds(ends.get(metric))}".strip()
                for metric in results.metrics
            ]
            lines.append([row, evaluation.method, *cells])
    return markdown(["stem", "method", *results.metrics], lines)


def _differences(pair: Differences, results: Results) -> str:
    shown = list(pair.scores[MEAN])
    lines = [[row, *(_cell(pair.scores[row][metric]) for metric in shown)] for row in results.rows]
    return markdown(["stem", *shown], lines)


def _cell(found: Difference) -> str:
    """A difference, its interval, and in how many songs it is above zero."""
    if not found.songs:
        return captions.NOTHING
    parts = captions.decibels(found.difference, "+"), captions.bounds(found.interval, "+")
    return f"{' '.join(filter(None, parts))}, better in {found.better} of {found.songs}"


def _left_out(results: Results) -> list[str]:
    seconds = captions.undefined_seconds(results, 0)
    return [*seconds, captions.silent_stems(results), *captions.failed(results)]


def _undefined_seconds(results: Results) -> str:
    """Songs that have seconds without a score, under each method; empty if there is none."""
    found = {
        (song.song, evaluation.method): (song.seconds_undefined, song.seconds_scored)
        for evaluation in results.evaluations
        for song in evaluation.songs
    }
    methods = [evaluation.method for evaluation in results.evaluations]
    lines = []
    for song in results.songs:
        seconds = [found.get((song, method)) for method in methods]
        if any(of and of[0] for of in seconds):
            lines.append([song, *(f"{of[0]} of {of[1]}" if of else captions.NOTHING for of in seconds)])
    return markdown(["song", *methods], lines) if lines else ""
