"""The page ``report.html`` of an evaluation: scores, plots and sounds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.metrics import metric_named
from bsroformer.report.colours import colours_of
from bsroformer.report.evaluation_tables import (
    MEAN,
    best_score,
    difference_table,
    evaluated,
    headline_metric,
    metric_table,
    song_scores_table,
    summary_table,
    undefined_seconds_table,
    unscored_table,
)
from bsroformer.report.excerpt_players import shown_songs
from bsroformer.report.html_cells import interval, score_text
from bsroformer.report.page_writer import REPORT, Tile, text_of, write_page
from bsroformer.report.pictures import Picture, plot_file
from bsroformer.report.provenance import made_with
from bsroformer.report.tables import Table
from bsroformer.text import count

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """A section about one metric: definition, table and box plot."""

    name: str
    definition: str
    table: Table
    plot: Picture | None


def write_evaluation_report(folder: Path) -> None:
    """Write ``report.html`` into the folder of an evaluation, from its files.

    It shows ``results.json``, the box plots in ``plots/`` and the ``excerpts/`` of worst and best songs.

    Raises:
        InputError: If there is no ``results.json``, an excerpt cannot be read, or the page cannot be written.
    """
    text = text_of(folder / "results.json")
    if not text:
        raise InputError(f"{folder} has no results.json; name the folder of an evaluation.")
    write_page(folder / REPORT, "evaluation_page.html", contents(folder, json.loads(text)))


def contents(folder: Path, results: Tree) -> dict[str, Any]:
    """Collect the values of the page's template."""
    compared = evaluated(results)
    stems = results["stems"]
    return {
        "title": ", ".join(method["name"] for method in compared or results["methods"]) or "no method",
        "subtitle": f"{count(results['songs'], results['split'] + ' song')} · {', '.join(stems)}",
        "tiles": list(tiles(results)),
        "failures": results["failures"],
        "summary": summary_table(results),
        "several": len(compared) > 1,
        "floor": [method["name"] for method in results["methods"] if method["kind"] == "mixture"],
        "ceiling": [method["name"] for method in results["methods"] if method["kind"] == "oracle"],
        "average": "mean over the stems" if len(stems) > 1 else stems[0],
        "metrics": [
            Section(name, metric_named(name).definition, metric_table(results, name), plot_file(folder / "plots", name))
            for name in results["metrics"]
        ],
        "differences": [
            (of["method"], of["minus"], of["songs"], difference_table(results, of)) for of in results["differences"]
        ],
        "heard": list(shown_songs(folder, results)),
        "compared": [method["name"] for method in compared],
        "colours": colours_of(results),
        "headline": headline_metric(results),
        "songs": [(method["name"], song_scores_table(results, method)) for method in results["methods"]],
        "undefined": undefined_seconds_table(results),
        "unscored": unscored_table(results),
        "facts": made_with(results.get("made") or {}),
    }


def tiles(results: Tree) -> Iterator[Tile]:
    """Yield the headline numbers; of several methods the best of each metric."""
    compared = evaluated(results)
    if compared:
        for metric in results["metrics"]:
            yield _metric_tile(metric, compared)
    failed = len({failure["song"] for failure in results["failures"]})
    number, _, noun = count(results["songs"], "song").partition(" ")
    yield Tile(number, "", noun, f"{failed} failed" if failed else "")
    if compared:
        most = max(compared, key=lambda method: method["seconds_undefined"])
        yield Tile(f"{most['seconds_undefined']:,}", "s", "undefined", f"as silent, of {most['seconds']:,} s")


def _metric_tile(metric: str, compared: Sequence[Tree]) -> Tile:
    scores = [method["scores"][MEAN][metric] for method in compared]
    score = best_score(metric, scores)
    best = compared[scores.index(score)]
    ends = best["intervals"][MEAN][metric]
    note = f"{best['name']}, the best of {len(compared)}"
    if len(compared) == 1:
        note = f"95 %: {interval(ends)}" if ends else ""
    return Tile(score_text(score), "dB", metric, note)
