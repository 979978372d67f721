"""Tables of an evaluation, from the tree of its ``results.json``."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bsroformer.metrics import HEADLINE_METRIC, metric_named
from bsroformer.report.colours import EVALUATED, colours_of
from bsroformer.report.tables import NOTHING, Line, Score, Table

Tree = Mapping[str, Any]
MEAN = "mean"


def evaluated(results: Tree) -> list[Tree]:
    """Return the methods that are compared."""
    return [method for method in results["methods"] if method["kind"] in EVALUATED]


def headline_metric(results: Tree) -> str:
    """Choose the metric to show where there is room for one."""
    metrics = results["metrics"]
    return str(HEADLINE_METRIC if HEADLINE_METRIC in metrics else metrics[0])


def best_score(metric: str, scores: Iterable[float | None]) -> float | None:
    """Return the best of the defined scores; None without any."""
    defined = [score for score in scores if score is not None and not math.isnan(score)]
    return max(defined, key=metric_named(metric).gain, default=None)


def with_mean(stems: Sequence[str]) -> list[str]:
    """Append the mean to several stems."""
    return [*stems, MEAN] if len(stems) > 1 else list(stems)


def scores_table(results: Tree, intervals: bool = True) -> Table:
    """List every stem and the mean of each method, with confidence intervals."""
    lines = []
    for row in with_mean(results["stems"]):
        for method in results["methods"]:
            cells = [_score(method, row, metric, intervals) for metric in results["metrics"]]
            kind = MEAN if row == MEAN else ""
            lines.append(Line(row, (method["name"], *cells), kind=kind if method["kind"] in EVALUATED else "aside"))
    return Table(("method", *results["metrics"]), tuple(lines), first="stem")


def _score(method: Tree, row: str, metric: str, intervals: bool = True) -> Score:
    """Return an average of a method with its interval.

    It is undefined for a metric that the method lacks.
    """
    value = method["scores"].get(row, {}).get(metric)
    ends = method["intervals"].get(row, {}).get(metric) if intervals else None
    return Score(value, ends)


def summary_table(results: Tree) -> Table:
    """List the mean over stems of every metric and method, and undefined seconds."""
    averages = [(MEAN, metric) for metric in results["metrics"]]
    lines = []
    for line, method in zip(method_lines(results, averages), results["methods"], strict=True):
        songs = str(len(method["songs"]))
        seconds = f"{method['seconds_undefined']:,} of {method['seconds']:,}"
        lines.append(replace(line, cells=(*line.cells, songs, seconds)))
    return Table((*results["metrics"], "songs", "seconds undefined"), tuple(lines), first="method")


def metric_table(results: Tree, metric: str) -> Table:
    """List one metric of every method by stem, with its interval."""
    stems = with_mean(results["stems"])
    lines = method_lines(results, [(stem, metric) for stem in stems])
    colours = colours_of(results).stems
    return Table(tuple(stems), tuple(lines), colours=tuple(colours.get(stem) for stem in stems), first="method")


def method_lines(results: Tree, averages: Sequence[tuple[str, str]]) -> Iterator[Line]:
    """Yield a line for each method with averages of some stems and metrics.

    The best of several is emphasised.
    """
    compared = evaluated(results)
    best = []
    for stem, metric in averages:
        scores = [_score(method, stem, metric).value for method in compared]
        best.append(best_score(metric, scores) if len(compared) > 1 else None)
    colours = colours_of(results).methods
    for method in results["methods"]:
        aside = method["kind"] not in EVALUATED
        cells = []
        for n, (stem, metric) in enumerate(averages):
            score = _score(method, stem, metric)
            is_best = score.value is not None and score.value == best[n] and not aside
            cells.append(replace(score, strong=is_best))
        yield Line(method["name"], tuple(cells), colours[method["name"]], kind="aside" if aside else "")


def difference_table(results: Tree, difference: Tree) -> Table:
    """List one method minus another by stem and metric.

    Significant differences are emphasised.
    """
    lines = []
    metrics = list(difference["scores"][MEAN])
    for stem in with_mean(results["stems"]):
        cells = [difference_score(difference["scores"][stem][metric]) for metric in metrics]
        lines.append(Line(stem, tuple(cells)))
    return Table(tuple(metrics), tuple(lines), first="stem")


def difference_score(pair: Tree) -> Score:
    """Create the cell of a difference; strong if its interval excludes zero."""
    ends = pair["interval"]
    excludes_zero = ends is not None and (ends[0] > 0 or ends[1] < 0)
    return Score(pair["difference"], ends, True, (pair["better"], pair["songs"]), excludes_zero)


def song_scores_table(results: Tree, method: Tree) -> Table:
    """List every score of every song."""
    stems = with_mean(results["stems"])
    metrics = results["metrics"]
    lines = []
    for song in method["songs"]:
        scores = [Score(song["scores"][stem].get(metric)) for metric in metrics for stem in stems]
        lines.append(Line(song["song"], (f"{song['seconds']:.0f}", str(song["seconds_undefined"]), *scores)))
    groups = [("", 2), *((metric, len(stems)) for metric in metrics)]
    columns = ("seconds", "undefined", *stems * len(metrics))
    return Table(columns, tuple(lines), tuple(groups), first="song")


def undefined_seconds_table(results: Tree, total: bool = False) -> Table | None:
    """List the songs with undefined seconds, by method; None if there are none.

    Args:
        results: The results.
        total: Name all methods, and give each number with that of all seconds, where the method scored the song.
    """
    counts: dict[str, dict[str, Tree]] = {}
    for entry in results["undefined_seconds"]:
        counts.setdefault(entry["song"], {})[entry["method"]] = entry
    if not counts:
        return None
    if total:
        return _undefined_of_total(results, counts)
    methods = [method["name"] for method in results["methods"]]
    names = [name for name in methods if any(name in by_method for by_method in counts.values())]
    lines = []
    for song, by_method in counts.items():
        seconds = max(entry["seconds"] for entry in by_method.values())
        undefined = [str(by_method[name]["undefined"]) if name in by_method else "0" for name in names]
        lines.append(Line(song, (f"{seconds:,}", *undefined)))
    colours = colours_of(results).methods
    columns = (None, *(colours[name] for name in names))
    return Table(("seconds", *names), tuple(lines), colours=columns, first="song")


def _undefined_of_total(results: Tree, counts: Mapping[str, Any]) -> Table:
    methods = results["methods"]
    by_method = [{song["song"]: song for song in method["songs"]} for method in methods]
    names = dict.fromkeys(name for songs in by_method for name in songs if name in counts)
    lines = []
    for name in names:
        cells = []
        for songs in by_method:
            song = songs.get(name)
            cells.append(f"{song['seconds_undefined']} of {song['seconds_scored']}" if song else NOTHING)
        lines.append(Line(name, tuple(cells)))
    return Table(tuple(method["name"] for method in methods), tuple(lines), first="song")


def unscored_table(results: Tree) -> Table | None:
    """List the stems of songs without a score, with metrics and methods.

    It is None without such stems.
    """
    unscored: dict[tuple[str, str], dict[str, list[str]]] = {}  # song, metrics -> method -> stems
    for method in results["methods"]:
        for song in method["songs"]:
            for stem in results["stems"]:
                scores = song["scores"][stem]
                lacking = [metric for metric in results["metrics"] if scores.get(metric) is None]
                if lacking:
                    by_method = unscored.setdefault((song["song"], ", ".join(lacking)), {})
                    by_method.setdefault(method["name"], []).append(stem)
    if not unscored:
        return None
    lines = []
    for (song_name, metrics), by_method in unscored.items():
        stems = dict.fromkeys(stem for names in by_method.values() for stem in names)
        methods = "every method" if len(by_method) == len(results["methods"]) else ", ".join(by_method)
        lines.append(Line(song_name, (", ".join(stems), metrics, methods)))
    return Table(("stems", "no score in", "of"), tuple(lines), words=True, first="song")


def evaluation_table(results: Tree) -> Table:
    """List each stem and the mean of compared methods, then of the bounds."""
    stems = [*results["stems"], MEAN]
    metrics = results["metrics"]
    compared = evaluated(results)
    bounds = [method for method in results["methods"] if method not in compared]
    colours = colours_of(results)
    lines = []
    for method in (*compared, *bounds):
        is_bound = method in bounds
        prefix = f"{method['name']} · " if is_bound or len(compared) > 1 else ""
        for stem in stems:
            cells = tuple(Score(method["scores"][stem].get(metric)) for metric in metrics)
            colour = None if is_bound else colours.stems.get(stem)
            kind = MEAN if stem == MEAN else ""
            lines.append(Line(prefix + stem, cells, colour, "aside" if is_bound else kind))
    return Table(tuple(metrics), tuple(lines), first="stem")


def songs_table(results: Tree) -> Table:
    """List the headline metric of each song by stem, for the first compared method."""
    metric = headline_metric(results)
    stems = [*results["stems"], MEAN]
    lines = []
    for song in evaluated(results)[0]["songs"]:
        cells = tuple(Score(song["scores"][stem].get(metric)) for stem in stems)
        lines.append(Line(song["song"], cells))
    return Table(tuple(stems), tuple(lines), first="song")
