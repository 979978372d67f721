"""Run an evaluation and show its progress."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bsroformer.cli.console import stopping_on_sigterm, warnings_reported
from bsroformer.cli.errors import INTERRUPTED
from bsroformer.evaluation import (
    Evaluator,
    Failure,
    Results,
    SongEntry,
    SongScores,
    differences_table,
    results_table,
    running_table,
)
from bsroformer.evaluation.evaluator import Found, OnScores
from bsroformer.evaluation.results import EVALUATED
from bsroformer.evaluation.scores import mean_over_stems


def run_evaluation(
    evaluator: Evaluator, songs: Iterable[SongEntry], total: int, console: Console, again: str
) -> Results:
    """Score songs, with a progress bar and the averages so far.

    Without a terminal, a line is printed for each score.

    Args:
        evaluator: What scores.
        songs: The songs.
        total: How many there are, those of other processes included.
        console: Where to show it; nothing is, if the evaluator tells somebody else.
        again: How to go on when it was stopped.
    """
    with stopping_on_sigterm(), warnings_reported(console), _showing(evaluator, total, console) as on_scores:
        try:
            return replace(evaluator, on_scores=evaluator.on_scores or on_scores).run(songs)
        except KeyboardInterrupt:
            console.print(f"Stopped; {again}.")
            sys.exit(INTERRUPTED)


def show_results(results: Results, console: Console) -> None:
    """Print the table of results, and that of differences if there is one."""
    console.print(results_table(results, width=console.width))
    if (pairs := differences_table(results)) is not None:
        console.print(pairs)


@contextmanager
def _showing(evaluator: Evaluator, total: int, console: Console) -> Iterator[OnScores]:
    """Return the callback that shows each score."""
    scores = total * len(evaluator.methods)
    if not console.is_terminal:
        yield _lines(evaluator, scores, console)
        return
    columns = (TextColumn("separating and scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console)
    task = progress.add_task("", total=scores)
    with Live(progress, console=console, transient=True, refresh_per_second=2) as live:

        def show(found: Found, method: str | None, told: SongScores | Failure) -> None:
            progress.update(task, completed=found.done)
            live.update(Group(running_table(found.results()), progress))

        yield show


def _lines(evaluator: Evaluator, scores: int, console: Console) -> OnScores:
    """Return a callback that prints a line for each score and failed song."""
    evaluated = {method.name for method in evaluator.methods if method.kind in EVALUATED}

    def show(found: Found, method: str | None, told: SongScores | Failure) -> None:
        whose = f"{found.done}/{scores} {told.song}" + (f", {method}" if method else "")
        if isinstance(told, Failure):
            console.print(f"{whose}: cannot be scored")
        elif method in evaluated:
            means = mean_over_stems(told.scores(evaluator.metrics))
            console.print(f"{whose}: {', '.join(f'{metric} {value:.2f}' for metric, value in means.items())} dB")

    return show
