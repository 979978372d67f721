"""``report.html`` of an evaluation: what the numbers are, what they mean and what they sound like, in one file."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsroformer.errors import InputError
from bsroformer.figures import comparison_figure
from bsroformer.metrics.definitions import DEFINITIONS
from bsroformer.parallel import processors
from bsroformer.report.evaluation_tables import (
    MEAN,
    difference_table,
    evaluated,
    interval,
    metric_table,
    song_scores_table,
    summary_table,
    undefined_seconds_table,
    unscored_table,
    with_mean,
)
from bsroformer.report.excerpts import Excerpt, find_excerpts, worst_and_best
from bsroformer.report.media import drawn, encoded, gain_of, picture
from bsroformer.report.parts import REPORT, Tile, counted, facts, text_of, write_page
from bsroformer.report.tables import Table, decibels

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A section about one metric: what it is, its table, its box plot."""

    name: str
    definition: str
    table: Table
    plot: str | None


@dataclass(frozen=True)
class Heard:
    """What can be heard of a stem: sources of players, and what it scored in the whole song."""

    stem: str
    scores: tuple[str, ...]
    reference: str
    estimate: str
    error: str


@dataclass(frozen=True)
class Song:
    """One of the worst or best songs of a method; `softer` says how many dB its sounds are turned down."""

    end: str
    name: str
    scores: tuple[str, ...]
    where: str
    softer: float
    mixture: str
    stems: tuple[Heard, ...]
    spectrograms: str


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
            Metric(name, DEFINITIONS[name], metric_table(results, name), picture(folder / "plots" / f"{name}.png"))
            for name in results["metrics"]
        ],
        "differences": [
            (of["method"], of["minus"], of["songs"], difference_table(results, of)) for of in results["differences"]
        ],
        "galleries": [
            (method["name"], songs) for method in compared if (songs := list(heard_songs(folder, results, method)))
        ],
        "songs": [(method["name"], song_scores_table(results, method)) for method in results["methods"]],
        "undefined": undefined_seconds_table(results),
        "unscored": unscored_table(results),
        "facts": list(facts(results.get("made") or {})),
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


def heard_songs(folder: Path, results: Tree, method: Tree) -> Iterator[Song]:
    """The worst and the best songs of a method, of those that have excerpts."""
    songs = {song["song"]: song for song in method["songs"]}
    excerpts = [excerpt for excerpt in find_excerpts(folder / "excerpts" / method["name"]) if excerpt.song in songs]
    for end, chosen in zip(("worst", "best"), worst_and_best(excerpts), strict=True):
        for excerpt in chosen:
            yield heard_song(excerpt, end, songs[excerpt.song]["scores"], results["metrics"])


def heard_song(excerpt: Excerpt, end: str, scores: Tree, metrics: Sequence[str]) -> Song:
    """An excerpt as it is shown; if one of its sounds would clip, all are turned down alike."""
    mixture, references, estimates, rate = excerpt.read()
    errors = estimates - references  # n c t
    gain = gain_of(float(signals.abs().max()) for signals in (mixture, references, estimates, errors))
    minutes, seconds = divmod(int(excerpt.begins), 60)
    signals = [mixture, *references, *estimates, *errors]
    with ThreadPoolExecutor(processors()) as pool:
        sources = pool.map(lambda signal: encoded(gain * signal, rate), signals)
        picture = drawn(comparison_figure(references, estimates, excerpt.stems, rate))
        mixed, *heard = sources
    words = [in_words(scores[stem], metrics) for stem in excerpt.stems]
    parts = (heard[n :: len(words)] for n in range(len(words)))  # reference, estimate and error of each stem
    return Song(
        end,
        excerpt.song,
        in_words(scores[with_mean(excerpt.stems)[-1]], metrics),
        f"{mixture.shape[-1] / rate:.0f} s from {minutes}:{seconds:02}",
        -20 * math.log10(gain),
        mixed,
        tuple(Heard(stem, word, *of) for stem, word, of in zip(excerpt.stems, words, parts, strict=True)),
        picture,
    )


def in_words(scores: Tree, metrics: Sequence[str]) -> tuple[str, ...]:
    """Scores with their names."""
    return tuple(f"{metric} {decibels(scores.get(metric))}" for metric in metrics)
