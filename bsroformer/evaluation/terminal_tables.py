"""Tables of scores for the terminal."""

from rich.console import Console
from rich.table import Table as TerminalTable

from bsroformer.evaluation import captions
from bsroformer.evaluation.results import EVALUATED, Results
from bsroformer.evaluation.scores import MEAN, Evaluation, average, mean
from bsroformer.report.evaluation_tables import difference_score, scores_table
from bsroformer.report.tables import Line, Score, Table, interval
from bsroformer.report.terminal import terminal_table

MAX_SONGS_NAMED = 3
"""Songs that a caption names."""


def results_table(
    results: Results, title: str = "", width: int | None = None, more: str = "results.md"
) -> TerminalTable:
    """List every stem and the mean of each method, with intervals and a caption.

    Args:
        results: The scores.
        title: Heading of the table.
        width: Columns of the terminal; intervals are omitted if they do not fit. None: unlimited.
        more: File that names all songs.

    Returns:
        A table to print with ``rich``.
    """
    table = _results_table(results, title, more, intervals=len(results.songs) > 1)
    if width is not None and Console(width=10 * width).measure(table).maximum > width:
        return _results_table(results, title, more, intervals=False)
    return table


def _results_table(results: Results, title: str, more: str, intervals: bool) -> TerminalTable:
    caption = _caption(results, intervals, more)
    return terminal_table(scores_table(results.tree(), intervals), 2, 1, title, caption)


def differences_table(results: Results, more: str = "results.md") -> TerminalTable | None:
    """List the differences between compared methods: of two, for every stem.

    Of more than two, only the means are listed.

    Args:
        results: The scores.
        more: File with the stems that are omitted.

    Returns:
        A table to print with ``rich``; None without two methods to compare.
    """
    pairs = results.tree()["differences"]
    if not pairs:
        return None
    is_single = len(pairs) == 1
    rows = results.rows if is_single else results.rows[-1:]
    lines = []
    for pair in pairs:
        for metric in pair["scores"][MEAN]:
            for row in rows:
                difference = pair["scores"][row][metric]
                score = difference_score(difference)
                value = Score(score.value, is_difference=True, strong=score.strong)
                ends = interval(score.interval, sign=True)
                better = f"{difference['better']} of {difference['songs']}"
                lines.append(Line(f"{pair['method']} minus {pair['minus']}", (metric, row, value, ends, better)))
    table = Table(("", "stem", "difference", "95 %", "songs better"), tuple(lines))
    omitted = "" if is_single else f"Those of each stem are in {more}."
    sections = 2 if is_single else 1
    return terminal_table(table, 3, sections, "Differences in dB", (omitted, captions.pairing()))


def running_table(results: Results, metric: str | None = None) -> TerminalTable:
    """List one metric of the songs so far, by method; quick enough for every song.

    Args:
        results: The scores so far.
        metric: Name of the metric; the first by default.
    """
    metric = metric or next(iter(results.metrics), "")
    lines = []
    for evaluation in results.evaluations:
        averages = _averages(evaluation, metric)[: len(results.rows)]
        kind = "" if evaluation.kind in EVALUATED else "aside"
        scores = [Score(value) for value in averages]
        lines.append(Line(evaluation.method, (*scores, str(len(evaluation.songs))), kind=kind))
    return terminal_table(Table((*results.rows, "songs"), tuple(lines), first=f"{metric}, dB"))


def _averages(evaluation: Evaluation, metric: str) -> list[float]:
    """Average one metric of each stem, and last over the stems."""
    averages = []
    for stem in evaluation.stems:
        scores = [song.score(stem, metric) for song in evaluation.songs]
        averages.append(average(metric, scores))
    return [*averages, mean(averages)]


def _caption(results: Results, intervals: bool, more: str) -> list[str]:
    """Describe the averages and the scores that they lack."""
    incomplete = (results.failures, *captions.incomplete_songs(results))
    is_shortened = any(len(songs) > MAX_SONGS_NAMED for songs in incomplete)
    return [
        captions.averaging(results),
        captions.resampling() if intervals else "",
        *captions.undefined_seconds(results, MAX_SONGS_NAMED),
        captions.silent_stems(results, MAX_SONGS_NAMED),
        *captions.failed(results, MAX_SONGS_NAMED),
        f"{more} names all of them." if is_shortened else "",
    ]
