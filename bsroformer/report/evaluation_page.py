"""``report.html`` of an evaluation: what the numbers are, what they mean and what they sound like, in one file."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.metrics.registry import DEFINITIONS
from bsroformer.report.colours import colours_of
from bsroformer.report.evaluation_tables import (
    MEAN,
    difference_table,
    evaluated,
    headline_metric,
    interval,
    metric_table,
    song_scores_table,
    summary_table,
    undefined_seconds_table,
    unscored_table,
)
from bsroformer.report.excerpt_players import heard_songs
from bsroformer.report.page_writer import REPORT, Tile, counted, text_of, write_page
from bsroformer.report.pictures import Picture, plot_file
from bsroformer.report.provenance import made_with
from bsroformer.report.tables import Table, decibels

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A section about one metric: what it is, its table, its box plot."""

    name: str
    definition: str
    table: Table
    plot: Picture | None


def write_evaluation_report(folder: Path) -> None:
    """Write ``report.html`` into the folder of an evaluation, from what is there.

    It shows ``results.json``, the box plots in ``plots/`` and the ``excerpts/`` of worst and best songs.

    Raises:
        InputError: If there is no ``results.json``, an excerpt cannot be read, or the page cannot be written.
    """
    if not (text := text_of(folder / "results.json")):
        raise InputError(f"{folder} has no results.json: name the folder of an evaluation.")
    write_page(folder / REPORT, "evaluation_page.html", contents(folder, json.loads(text)))


def contents(folder: Path, results: Tree) -> dict[str, Any]:
    """What the page's template asks for."""
    compared = evaluated(results)
    stems = results["stems"]
    return {
        "title": ", ".join(method["name"] for method in compared or results["methods"]) or "no method",
        "subtitle": f"{counted(results['songs'], results['split'] + ' song')} · {', '.join(stems)}",
        "tiles": list(tiles(results)),
        "failures": results["failures"],
        "summary": summary_table(results),
        "several": len(compared) > 1,
        "floor": [method["name"] for method in results["methods"] if method["kind"] == "mixture"],
        "ceiling": [method["name"] for method in results["methods"] if method["kind"] == "oracle"],
        "average": "mean over the stems" if len(stems) > 1 else stems[0],
        "metrics": [
            Metric(name, DEFINITIONS[name], metric_table(results, name), plot_file(folder / "plots", name))
            for name in results["metrics"]
        ],
        "differences": [
            (of["method"], of["minus"], of["songs"], difference_table(results, of)) for of in results["differences"]
        ],
        "heard": list(heard_songs(folder, results)),
        "compared": [method["name"] for method in compared],
        "colours": colours_of(results),
        "headline": headline_metric(results),
        "songs": [(method["name"], song_scores_table(results, method)) for method in results["methods"]],
        "undefined": undefined_seconds_table(results),
        "unscored": unscored_table(results),
        "facts": made_with(results.get("made") or {}),
    }


def tiles(results: Tree) -> Iterator[Tile]:
    """The numbers to see first: of one method its own, of several the best of each metric."""
    compared = evaluated(results)
    for metric in results["metrics"] if compared else ():
        best = max(compared, key=lambda method: _or_lowest(method["scores"][MEAN][metric]))
        both = best["intervals"][MEAN][metric]
        within = f"95 %: {interval(both)}" if both else ""
        note = within if len(compared) == 1 else f"{best['name']}, the best of {len(compared)}"
        yield Tile(decibels(best["scores"][MEAN][metric]), "dB", metric, note)
    failed = len({failure["song"] for failure in results["failures"]})
    number, _, noun = counted(results["songs"], "song").partition(" ")
    yield Tile(number, "", noun, f"{failed} failed" if failed else "")
    if compared:
        most = max(compared, key=lambda method: method["seconds_undefined"])
        yield Tile(f"{most['seconds_undefined']:,}", "s", "left out", f"as silent, of {most['seconds']:,} s")


def _or_lowest(value: float | None) -> float:
    return -math.inf if value is None else value
