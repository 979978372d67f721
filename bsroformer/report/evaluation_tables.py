"""The numbers of an evaluation's ``results.json`` as tables of words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bsroformer.report.colours import EVALUATED, colours_of
from bsroformer.report.tables import Line, Table, decibels

Tree = Mapping[str, Any]
MEAN = "mean"
CUSTOMARY = "SI-SDR"
"""The metric of a run's validations, and so of what stands beside them."""


def evaluated(results: Tree) -> list[Tree]:
    """The methods that are compared."""
    return [method for method in results["methods"] if method["kind"] in EVALUATED]


def headline_metric(results: Tree) -> str:
    """The one to show where there is room for one."""
    metrics = results["metrics"]
    return str(CUSTOMARY if CUSTOMARY in metrics else metrics[0])


def with_mean(stems: Sequence[str]) -> list[str]:
    """The stems, and their mean if they are several."""
    return [*stems, MEAN] if len(stems) > 1 else list(stems)


def summary_table(results: Tree) -> Table:
    """Every metric of every method, mean over the stems, with its interval; and how much was left out."""
    cells = [(MEAN, metric) for metric in results["metrics"]]
    lines = []
    for line, method in zip(method_lines(results, cells), results["methods"], strict=True):
        counts = str(len(method["songs"])), f"{method['seconds_undefined']:,} of {method['seconds']:,}"
        notes = (*line.notes, "", "")
        lines.append(replace(line, cells=(*line.cells, *counts), notes=notes))
    return Table((*results["metrics"], "songs", "seconds left out"), tuple(lines))


def metric_table(results: Tree, metric: str) -> Table:
    """One metric of every method by stem, with its interval."""
    stems = with_mean(results["stems"])
    lines = method_lines(results, [(stem, metric) for stem in stems])
    colours = colours_of(results).stems
    return Table(tuple(stems), tuple(lines), colours=tuple(colours.get(stem) for stem in stems))


def method_lines(results: Tree, cells: Sequence[tuple[str, str]]) -> Iterator[Line]:
    """A line for each method: its scores of these stems and metrics; the best of what is compared stands out."""
    compared = [[method["scores"][stem][metric] for stem, metric in cells] for method in evaluated(results)]
    best = [
        max((value for value in column if value is not None), default=None) for column in zip(*compared, strict=True)
    ]
    colours = colours_of(results).methods
    for method in results["methods"]:
        values = [method["scores"][stem][metric] for stem, metric in cells]
        aside = method["kind"] not in EVALUATED
        several = len(compared) > 1 and not aside
        strong = frozenset(n for n, value in enumerate(values) if several and value is not None and value == best[n])
        yield Line(
            method["name"],
            tuple(map(decibels, values)),
            colours[method["name"]],
            kind="aside" if aside else "",
            notes=tuple(interval(method["intervals"][stem][metric]) for stem, metric in cells),
            strong=strong,
        )


def difference_table(results: Tree, difference: Tree) -> Table:
    """One method less another by stem and metric; what stands out are differences whose interval leaves out zero."""
    lines = []
    for stem in with_mean(results["stems"]):
        pairs = [difference["scores"][stem][metric] for metric in results["metrics"]]
        lines.append(
            Line(
                stem,
                tuple(decibels(pair["difference"], sign=True) for pair in pairs),
                notes=tuple(_noted(pair) for pair in pairs),
                strong=frozenset(column for column, pair in enumerate(pairs) if _clear(pair["interval"])),
            )
        )
    return Table(tuple(results["metrics"]), tuple(lines))


def _clear(both: Sequence[float] | None) -> bool:
    """Whether an interval leaves out zero."""
    return both is not None and (both[0] > 0 or both[1] < 0)


def _noted(pair: Tree) -> str:
    better = f"better in {pair['better']} of {pair['songs']}" if pair["songs"] else ""
    return " · ".join(part for part in (interval(pair["interval"], sign=True), better) if part)


def interval(both: Sequence[float] | None, sign: bool = False) -> str:
    """An interval of dB in words; nothing if there is none."""
    return f"{decibels(both[0], sign)} to {decibels(both[1], sign)}" if both else ""


def song_scores_table(results: Tree, method: Tree) -> Table:
    """Every score of every song."""
    stems, metrics = with_mean(results["stems"]), results["metrics"]
    lines = []
    for song in method["songs"]:
        counts = f"{song['seconds']:.0f}", str(song["seconds_undefined"])
        scores = (decibels(song["scores"][stem].get(metric)) for metric in metrics for stem in stems)
        lines.append(Line(song["song"], (*counts, *scores)))
    groups = ("", 2), *((metric, len(stems)) for metric in metrics)
    return Table(("seconds", "left out", *(stem for _ in metrics for stem in stems)), tuple(lines), groups)


def undefined_seconds_table(results: Tree) -> Table | None:
    """The songs with seconds that have no score, and how many under each method; None if there is none."""
    counts: dict[str, dict[str, Tree]] = {}
    for entry in results["undefined_seconds"]:
        counts.setdefault(entry["song"], {})[entry["method"]] = entry
    names = [method["name"] for method in results["methods"] if any(method["name"] in of for of in counts.values())]
    lines = []
    for song, of in counts.items():
        seconds = max(entry["seconds"] for entry in of.values())
        undefined = (str(of[name]["undefined"]) if name in of else "0" for name in names)
        lines.append(Line(song, (f"{seconds:,}", *undefined)))
    colours = colours_of(results).methods
    columns = (None, *(colours[name] for name in names))
    return Table(("seconds", *names), tuple(lines), colours=columns) if lines else None


def unscored_table(results: Tree) -> Table | None:
    """The stems of songs that have no score at all, and in which metrics and methods; None if there is none."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}  # song, metrics -> method -> stems
    for method in results["methods"]:
        for song in method["songs"]:
            for stem in results["stems"]:
                scores = song["scores"][stem]
                if lacking := [metric for metric in results["metrics"] if scores.get(metric) is None]:
                    whose = found.setdefault((song["song"], ", ".join(lacking)), {})
                    whose.setdefault(method["name"], []).append(stem)
    lines = []
    for (song_name, metrics), whose in found.items():
        stems = ", ".join(dict.fromkeys(stem for of in whose.values() for stem in of))
        methods = "every method" if len(whose) == len(results["methods"]) else ", ".join(whose)
        lines.append(Line(song_name, (stems, metrics, methods)))
    return Table(("stems", "no score in", "of"), tuple(lines), words=True) if lines else None


def evaluation_table(results: Tree) -> Table:
    """Each stem and the mean of what was evaluated, and below, aside, of the floor and the ceiling."""
    stems, metrics = [*results["stems"], MEAN], results["metrics"]
    compared = evaluated(results)
    colours = colours_of(results)
    lines = []
    for method in (*compared, *(method for method in results["methods"] if method not in compared)):
        aside = "" if method in compared else "aside"
        prefix = f"{method['name']} · " if aside or len(compared) > 1 else ""
        lines += [
            Line(
                prefix + stem,
                tuple(decibels(method["scores"][stem].get(metric)) for metric in metrics),
                colours.stems.get(stem) if not aside else None,
                aside or ("mean" if stem == MEAN else ""),
            )
            for stem in stems
        ]
    return Table(tuple(metrics), tuple(lines))


def songs_table(results: Tree) -> Table:
    """The headline metric of each song under the first method that was evaluated, by stem."""
    metric, stems = headline_metric(results), [*results["stems"], MEAN]
    songs = evaluated(results)[0]["songs"]
    lines = [Line(song["song"], tuple(decibels(song["scores"][stem].get(metric)) for stem in stems)) for song in songs]
    return Table(tuple(stems), tuple(lines))
