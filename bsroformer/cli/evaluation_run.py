"""Run an evaluation and show its progress."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console, Group
from rich.live import Live

from bsroformer.cli.console import score_progress, stopping_on_sigterm, warnings_reported
from bsroformer.cli.exit_status import EXIT_INTERRUPTED
from bsroformer.evaluation import (
    Evaluator,
    Failure,
    Results,
    TrackEntry,
    TrackScores,
    differences_table,
    results_table,
    running_table,
)
from bsroformer.evaluation.evaluator import OnScores, ScoreCollector
from bsroformer.evaluation.results import EVALUATED
from bsroformer.evaluation.scores import mean_over_stems


def run_evaluation(
    evaluator: Evaluator, songs: Iterable[TrackEntry], total: int, console: Console, advice: str
) -> Results:
    """Score songs, with a progress bar and the averages so far.

    Without a terminal, a line is printed for each score.

    Args:
        evaluator: The evaluator.
        songs: The songs.
        total: Number of songs, including those of other processes.
        console: Where to show progress, unless the evaluator has its own callback.
        advice: How to resume after a stop.
    """
    with stopping_on_sigterm(), warnings_reported(console), _shown(evaluator, total, console) as on_scores:
        shown = replace(evaluator, on_scores=evaluator.on_scores or on_scores)
        try:
            return shown.run(songs)
        except KeyboardInterrupt:
            console.print(f"Stopped; {advice}.")
            sys.exit(EXIT_INTERRUPTED)


def show_results(results: Results, console: Console) -> None:
    """Print the table of results, and that of differences if there is one."""
    console.print(results_table(results, width=console.width))
    differences = differences_table(results)
    if differences is not None:
        console.print(differences)


@contextmanager
def _shown(evaluator: Evaluator, total: int, console: Console) -> Iterator[OnScores]:
    """Return the callback that shows each score."""
    scores = total * len(evaluator.methods)
    if not console.is_terminal:
        yield _lines(evaluator, scores, console)
        return
    progress = score_progress(console)
    task = progress.add_task("", total=scores)
    with Live(progress, console=console, transient=True, refresh_per_second=2) as live:

        def show(collector: ScoreCollector, method: str | None, outcome: TrackScores | Failure) -> None:
            progress.update(task, completed=collector.done)
            live.update(Group(running_table(collector.results()), progress))

        yield show


def _lines(evaluator: Evaluator, scores: int, console: Console) -> OnScores:
    """Return a callback that prints a line for each score and failed song."""
    evaluated = {method.name for method in evaluator.methods if method.kind in EVALUATED}

    def show(collector: ScoreCollector, method: str | None, outcome: TrackScores | Failure) -> None:
        title = f"{collector.done}/{scores} {outcome.song}"
        if method:
            title += f", {method}"
        if isinstance(outcome, Failure):
            console.print(f"{title}: cannot be scored")
        elif method in evaluated:
            means = mean_over_stems(outcome.scores(evaluator.metrics))
            values = ", ".join(f"{metric} {value:.2f}" for metric, value in means.items())
            console.print(f"{title}: {values} dB")

    return show
