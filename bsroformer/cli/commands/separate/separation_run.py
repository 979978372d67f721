"""Separate songs one after another, and report progress and failures."""

import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bsroformer.cli.commands.separate.song_progress import song_progress
from bsroformer.cli.console import shown_path, stopping_on_sigterm, warnings_reported
from bsroformer.cli.errors import report
from bsroformer.cli.exit_status import EXIT_INTERRUPTED
from bsroformer.devices import out_of_memory
from bsroformer.errors import InputError
from bsroformer.file_state import digest
from bsroformer.inference import Delivery, SeparatedSong, Song, SongStems, StreamSeparator, write_stems
from bsroformer.text import clock, count, decibels


@dataclass
class SeparationRun:
    """A separation of songs, one after another.

    Attributes:
        separator: The separator.
        delivery: Format of written stems.
        residual: Name of the residual, if it is written.
        downmix: Whether surround sound is mixed down.
        settings: Other settings that change stems.
        console: Where progress is printed.
        faster: Choices to offer where a song will take long.
        choice: The engine that ``engine=auto`` has chosen.
        done: The separated songs.
        failures: The errors of the others.
        stream: The audio stream of each file; None for the first, with a warning about others.
    """

    separator: StreamSeparator
    delivery: Delivery
    residual: str | None
    downmix: bool
    settings: Mapping[str, Any]
    console: Console
    faster: Sequence[str] = ()
    choice: str = ""
    done: list[SeparatedSong] = field(default_factory=list)
    failures: list[InputError] = field(default_factory=list)
    stream: int | None = None

    @property
    def names(self) -> list[str]:
        """Names of the written stems."""
        residual = [] if self.residual is None else [self.residual]
        return [*self.separator.stems, *residual]

    def files(self, song: Song) -> list[Path]:
        """Return the paths of a song's stems."""
        return [self.delivery.path(song.folder, name) for name in self.names]

    def fingerprint(self, song: Song) -> str:
        """Return the fingerprint of a song's stems, from its file and all settings."""
        stems = self.names if self.residual else []  # the residual depends on the chosen stems
        return song.fingerprint(digest([stems, self.settings]))

    def separate(self, songs: Sequence[Song], overwrite: bool = False) -> bool:
        """Separate the songs that are not done, or all; return whether none failed."""
        queue = [song for song in songs if overwrite or not self._is_separated(song)]
        skipped = len(songs) - len(queue)
        if skipped:
            self.console.print(
                f"Skipping {count(skipped, 'song')} already separated with these settings (overwrite=true to redo)"
            )
        start = time.monotonic()
        try:
            with stopping_on_sigterm():
                for number, song in enumerate(queue, start=1):
                    title = f"{number}/{len(queue)} " if len(queue) > 1 else ""
                    self._separate(song, title, overwrite)
        except KeyboardInterrupt:
            left = len(queue) - len(self.done) - len(self.failures)
            self.console.print(f"Stopped with {count(left, 'song')} left; the same command continues with the others.")
            sys.exit(EXIT_INTERRUPTED)
        finally:
            if len(queue) > 1:
                self._sum_up(len(queue), time.monotonic() - start)
            for failure in self.failures:
                report(failure)
        return not self.failures

    def _is_separated(self, song: Song) -> bool:
        return song.is_separated(self.files(song), self.fingerprint(song))

    def _separate(self, song: Song, number: str, overwrite: bool) -> None:
        """Separate a song, or record its failure and continue."""
        with warnings_reported(self.console):
            try:
                separated = self._stems_of(song, number, overwrite)
            except InputError as error:
                named = song.source.name in str(error) or song.folder.name in str(error)
                self.failures.append(error if named else InputError(f"{song.source}: {error}"))
                return
            except Exception as error:
                if out_of_memory(error):
                    raise InputError(
                        "the memory is full; lower batch_size or chunk_seconds, or set device=cpu if it is a GPU's"
                    ) from error
                logging.getLogger(__name__).debug("unexpected", exc_info=error)
                self.failures.append(
                    InputError(f"{song.source} could not be separated: {type(error).__name__}: {error}")
                )
                return
        self.done.append(separated)
        self._report(song, separated)

    def _stems_of(self, song: Song, number: str, overwrite: bool) -> SeparatedSong:
        fingerprint = self.fingerprint(song)
        if not overwrite:
            song.check_conflicts(self.files(song), fingerprint)
        stems = SongStems(self.separator, song.source, self.residual, self.downmix, stream=self.stream)
        with song_progress(stems, f"{number}{song.source.name}", self.console, self.faster) as progress:
            separated = write_stems(stems, song.folder, self.delivery, fingerprint)
        choice = self.separator.engine_choice
        if choice != self.choice:
            self.console.print(f"{choice}.")
        self.choice = choice
        if progress.long:
            self.faster = ()  # once is enough
        return separated

    def _report(self, song: Song, separated: SeparatedSong) -> None:
        speed = _speed(separated.seconds, separated.seconds_taken)
        self.console.print(f"{', '.join(self.names)} are in {shown_path(song.folder)} ({speed})")
        others = song.stems_of_other_settings(self.files(song), self.fingerprint(song))
        if others:
            names = ", ".join(path.name for path in others)
            self.console.print(f"{shown_path(song.folder)} also holds stems of other settings: {names}", style="yellow")
        self._report_levels(separated)

    def _report_levels(self, separated: SeparatedSong) -> None:
        gain = 20 * math.log10(separated.gain)
        if gain < 0:
            self.console.print(f"All its stems were scaled by {decibels(gain)} to avoid clipping.")
        elif separated.clipped:
            clipped = ", ".join(f"{samples} of {name}" for name, samples in separated.clipped.items())
            remedy = "rescale=true scales the stems, format=wav bit_depth=float keeps the samples"
            self.console.print(f"Samples beyond full scale were clipped: {clipped}; {remedy}.", style="yellow")

    def _sum_up(self, songs: int, taken: float) -> None:
        music = sum(separated.seconds for separated in self.done)
        self.console.print(f"{len(self.done)} of {count(songs, 'song')} separated: {_speed(music, taken)}")


def _speed(music: float, taken: float) -> str:
    speed = music / max(taken, 1e-9)
    return f"{clock(music)} of music in {clock(taken)}, {speed:.1f} x real time"
