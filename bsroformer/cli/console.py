"""Consoles, progress bars and warnings of the commands."""

import io
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

import bsroformer
from bsroformer.parallel import handling_signal
from bsroformer.run_folder import TRAIN_LOG

PACKAGE = str(Path(bsroformer.__file__).parent)
WAIT_SECONDS = 3600


def terminal(stderr: bool = False) -> Console:
    """Create a console that prints text as it is, without markup or highlighting."""
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a file name need not be valid text
    return Console(stderr=stderr, soft_wrap=True, markup=False, highlight=False)


def music_progress(console: Console) -> Progress:
    """Create a progress bar over seconds of music: share, speed and time left.

    It is removed at the end, and disabled without a terminal.
    """
    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        BarColumn(),
        TaskProgressColumn(),
        SpeedColumn(),
        TimeLeftColumn(),
    )
    return Progress(*columns, console=console, transient=True, expand=True, disable=not console.is_terminal)


def task_progress(console: Console) -> Progress:
    """Create a progress bar over any work; see `music_progress`."""
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def score_progress(console: Console) -> Progress:
    """Create a progress bar over the scores of an evaluation."""
    columns = (TextColumn("separating and scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


class SpeedColumn(ProgressColumn):
    """Seconds of music in a second."""

    def render(self, task: Task) -> Text:  # noqa: D102 (see the class)
        elapsed = task.elapsed or 0.0
        return Text(f"{task.completed / elapsed:.1f} x real time" if task.completed and elapsed else "")


class TimeLeftColumn(ProgressColumn):
    """Time left, shown from the first step.

    Rich's own column needs two steps within half a minute.
    """

    def render(self, task: Task) -> Text:  # noqa: D102 (see the class)
        if not task.completed or task.total is None or task.elapsed is None:
            return Text("-:--:--")
        seconds = task.elapsed * (task.total - task.completed) / task.completed
        return Text(str(timedelta(seconds=round(seconds))))


def stopping_on_sigterm() -> AbstractContextManager[None]:
    """Handle SIGTERM, which systems and schedulers send, like Ctrl-C."""
    return handling_signal(signal.SIGTERM, signal.default_int_handler)


def wait_until_interrupted() -> NoReturn:
    """Wait for Ctrl-C.

    `threading.Event.wait` is Python code around a lock: an interrupt between two of its lines raises a `RuntimeError`.
    """
    while True:
        time.sleep(WAIT_SECONDS)


@contextmanager
def warnings_reported(console: Console) -> Iterator[None]:
    """Print each of this package's warnings as a line of text."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], filename: str, *others: object) -> None:
            if filename.startswith(PACKAGE):
                console.print(str(message), style="yellow")
                TRAIN_LOG.warning("%s", message)
            else:
                usual(message, category, filename, *others)  # type: ignore[arg-type]

        warnings.filterwarnings("always", module=r"bsroformer\.")
        warnings.showwarning = show  # type: ignore[assignment]
        yield


def shown_path(path: Path) -> str:
    """Format a relative path so that it reads as one: ``./a`` for the folder a."""
    return str(path) if path.is_absolute() or len(path.parts) > 1 else f"./{path}"
