"""Progress of a song by windows.

A terminal shows a bar, a log a line a minute; a song that takes long is announced.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, TaskID

from bsroformer.cli.console import music_progress
from bsroformer.inference import SongStems
from bsroformer.text import clock

LONG_S = 600.0
"""A song that takes longer is announced, with faster choices."""
LINE_EVERY_S = 60.0


@dataclass
class SongProgress:
    """Counter of a song's windows.

    Attributes:
        name: Name of the song.
        windows: Number of windows, if known.
        seconds: Seconds of music, if known.
        console: Where progress is shown.
        bar: The bar on a terminal.
        task: The song's task in the bar.
        faster: Choices to offer when it will take long; empty once they are offered.
        done: Number of computed windows.
        started: Time of the start, by `time.monotonic`.
        printed: Time of the last line.
        long: Whether the song was announced to take long.
    """

    name: str
    windows: int | None
    seconds: float | None
    console: Console
    bar: Progress
    task: TaskID
    faster: Sequence[str] = ()
    done: int = 0
    started: float = field(init=False)
    printed: float = field(init=False)
    long: bool = False

    def __post_init__(self) -> None:
        """Start the clock."""
        self.started = time.monotonic()
        self.printed = self.started

    def count(self, windows: int) -> None:
        """Count computed windows."""
        self.done += windows
        now = time.monotonic()
        share = None if self.windows is None else min(1.0, self.done / self.windows)
        if share is not None and self.seconds is not None:
            self.bar.update(self.task, completed=share * self.seconds, total=self.seconds)
        taken = now - self.started
        is_long = share is not None and taken / share > LONG_S
        if is_long and self.faster and not self.long:
            self._announce(taken)
        if not self.console.is_terminal and now - self.printed >= LINE_EVERY_S:
            self._print_line(taken, share)
            self.printed = now

    def _announce(self, taken: float) -> None:
        self.long = True
        assert self.windows is not None
        each = taken / self.done
        self.console.print(
            f"{self.name} will take about {clock(each * self.windows)} on this machine ({each:.1f} s for each of "
            f"{self.windows} windows). Faster: {'; '.join(self.faster)}.",
            style="yellow",
        )

    def _print_line(self, taken: float, share: float | None) -> None:
        if share is None:
            self.console.print(f"{self.name}: window {self.done}, {clock(taken)} elapsed")
            return
        left = taken * (1 - share) / share
        self.console.print(
            f"{self.name}: window {self.done} of {self.windows}, {clock(taken)} elapsed, {clock(left)} left"
        )


@contextmanager
def song_progress(song: SongStems, title: str, console: Console, faster: Sequence[str]) -> Iterator[SongProgress]:
    """Show the progress of a song while it is separated.

    Args:
        song: The song, whose file has been opened: no bar is drawn for one that cannot be.
        title: What the bar calls it.
        console: Where progress is shown.
        faster: See `SongProgress`.
    """
    frames = song.info.expected_frames
    seconds = None if frames is None else frames / song.sample_rate
    windows = None if seconds is None else song.separator.count_windows(round(seconds * song.separator.sample_rate))
    with music_progress(console) as bar:
        task = bar.add_task(title, total=None)
        shown = SongProgress(song.path.name, windows, seconds, console, bar, task, faster)
        song.separator.on_windows = shown.count
        try:
            yield shown
        finally:
            song.separator.on_windows = None
