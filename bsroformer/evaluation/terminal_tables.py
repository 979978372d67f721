"""Scores as tables for the terminal: of texts with styles, which every console shows alike, with markup or without."""

import math

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bsroformer.evaluation import captions
from bsroformer.evaluation.bootstrap import Difference
from bsroformer.evaluation.results import EVALUATED, Results
from bsroformer.evaluation.scores import MEAN, Evaluation, average, mean

NAMED = 3
"""Songs that a caption names."""


def results_table(results: Results, title: str = "", width: int | None = None, more: str = "results.md") -> Table:
    """Every stem and the mean, under each method, with confidence intervals; below, what the averages leave out.

    Args:
        results: The scores.
        title: What was evaluated, and on what.
        width: Columns of the terminal; where they are too few, intervals are left out. None: as many as are needed.
        more: Where all songs are named of which the caption names the first.

    Returns:
        A table to print with ``rich``.
    """
    table = _results_table(results, title, more, intervals=len(results.songs) > 1)
    if width is not None and Console(width=10 * width).measure(table).maximum > width:
        return _results_table(results, title, more, intervals=False)
    return table


def differences_table(results: Results, more: str = "results.md") -> Table | None:
    """By how much evaluated methods are above others: of two, every stem; of more, only the means.

    Args:
        results: The scores.
        more: Where the stems are that are left out.

    Returns:
        A table to print with ``rich``; None where there are no two methods to compare.
    """
    if not results.differences:
        return None
    one = len(results.differences) == 1
    rows = results.rows if one else results.rows[-1:]
    table = _table("Differences in dB", "" if one else f"Those of each stem are in {more}.", captions.pairing())
    for name in ("", "", "stem"):
        table.add_column(name)
    for name in ("difference", "95 %", "songs above"):
        table.add_column(name, justify="right", no_wrap=True)
    for pair in results.differences:
        heading = f"{pair.method} minus {pair.minus}"
        for metric in pair.scores[MEAN]:
            label = metric
            for row in rows:
                table.add_row(Text(heading), Text(label), Text(row), *_difference(pair.scores[row][metric]))
                heading = label = ""
            if one:
                table.add_section()
        table.add_section()
    return table


def running_table(results: Results, metric: str | None = None) -> Table:
    """One metric of the songs so far, a line for each method: quick to make after every song.

    Args:
        results: The scores so far.
        metric: Which metric; the first, if it is None.
    """
    metric = metric or next(iter(results.metrics), "")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(Text(f"{metric}, dB"))
    for name in (*results.rows, "songs"):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for evaluation in results.evaluations:
        stems = [average(metric, (song.score(stem, metric) for song in evaluation.songs)) for stem in evaluation.stems]
        scores = [captions.decibels(value) for value in (*stems, mean(stems))[: len(results.rows)]]
        cells = map(Text, (evaluation.method, *scores, str(len(evaluation.songs))))
        table.add_row(*cells, style=_style(evaluation))
    return table


def _results_table(results: Results, title: str, more: str, intervals: bool) -> Table:
    table = _table(title, *_caption(results, intervals, more))
    columns = [_column(results, metric, intervals) for metric in results.metrics]
    table.add_column("stem", no_wrap=True)
    table.add_column("method")
    for metric in results.metrics:
        table.add_column(Text(metric.rjust(_value_width(metric))), no_wrap=True)
    lines = iter(zip(*columns, strict=True))
    for row in results.rows:
        for n, evaluation in enumerate(results.evaluations):
            name = Text("" if n else row)
            table.add_row(name, Text(evaluation.method), *next(lines), style=_style(evaluation, row))
        table.add_section()
    return table


def _column(results: Results, metric: str, intervals: bool) -> list[Text]:
    """A metric's cells, under each method row by row: the score and, fainter, its interval."""
    cells = []
    for row in results.rows:
        for evaluation in results.evaluations:
            value = captions.decibels(evaluation.averages.get(row, {}).get(metric, math.nan)).rjust(
                _value_width(metric)
            )
            ends = results.intervals[evaluation.method].get(row, {}).get(metric) if intervals else None
            cells.append(Text.assemble(value, (f" {captions.bounds(ends)}".rstrip(), "dim")))
    return cells


def _value_width(metric: str) -> int:
    return max(len("-10.00"), len(metric))


def _difference(found: Difference) -> tuple[Text, Text, Text]:
    """A difference, in bold where its interval leaves out zero; the interval; in how many songs it is above zero."""
    value = captions.decibels(found.difference, "+")
    sure = found.interval is not None and not found.interval[0] <= 0 <= found.interval[1]
    better = f"{found.better} of {found.songs}"
    return Text(value, "bold" if sure else ""), Text(captions.bounds(found.interval, "+")), Text(better)


def _table(title: str, *caption: str) -> Table:
    return Table(
        title=_wrapped(title, "bold"),
        title_justify="left",
        caption=_wrapped("\n".join(filter(None, caption)), "table.caption"),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def _wrapped(text: str, style: str) -> Text | None:
    """A text as wide as the table, also where a console wraps nothing of its own; None if there is none."""
    return Text(text, style, no_wrap=False, overflow="fold") if text else None


def _style(evaluation: Evaluation, row: str = "") -> str | None:
    if evaluation.kind not in EVALUATED:
        return "dim"
    return "bold" if row == MEAN else None


def _caption(results: Results, intervals: bool, more: str) -> list[str]:
    """Say how the averages were made and what was left out of them."""
    left_out = [
        *captions.undefined_seconds(results, NAMED),
        captions.silent_stems(results, NAMED),
        *captions.failed(results, NAMED),
    ]
    short = any(len(named) > NAMED for named in (results.failures, *captions.songs_left_out(results)))
    return [
        captions.averaging(results),
        captions.resampling() if intervals else "",
        *left_out,
        f"{more} names all of them." if short else "",
    ]
