"""Separate songs one after another, and report progress and failures."""

import logging
import math
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bsroformer.cli.commands.separate.song_progress import song_progress
from bsroformer.cli.console import clock, shown_path, stopping_on_sigterm, warnings_reported
from bsroformer.cli.errors import INTERRUPTED, report
from bsroformer.devices import out_of_memory
from bsroformer.errors import InputError
from bsroformer.file_state import word_for
from bsroformer.inference import Delivery, SeparatedSong, Song, SongStems, StreamSeparator, separate_file


@dataclass
class Separating:
    """A separation of songs, one after another.

    Attributes:
        separator: What separates.
        delivery: In which form stems are written.
        rest: Name of the rest, if it is written.
        downmix: Whether surround sound is mixed down.
        settings: What else decides how stems sound.
        console: Where to tell what happens.
        faster: Choices to offer where a song will take long.
        choice: What ``engine=auto`` has chosen.
        done: The songs that are separated.
        failures: What was wrong with the others.
        stream: The audio stream of each file; None: the first, with a warning where there are several.
    """

    separator: StreamSeparator
    delivery: Delivery
    rest: str | None
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
        return [*self.separator.stems, *([] if self.rest is None else [self.rest])]

    def files(self, song: Song) -> list[Path]:
        """Return the paths of a song's stems."""
        return [self.delivery.path(song.folder, name) for name in self.names]

    def mark(self, song: Song) -> str:
        """Return the cache key of a song's stems, from its file and all settings."""
        others = self.names if self.rest else []  # of which the rest is what is left
        return song.mark(word_for([others, self.settings]))

    def separate(self, songs: Sequence[Song], overwrite: bool = False) -> bool:
        """Separate the songs that are not done, or all; return whether none failed."""
        waiting = [song for song in songs if overwrite or not song.done(self.files(song), self.mark(song))]
        if done := len(songs) - len(waiting):
            self.console.print(
                f"Skipping {counted(done)} already separated with these settings (overwrite=true to redo)"
            )
        begun = time.monotonic()
        try:
            with stopping_on_sigterm():
                for number, song in enumerate(waiting, start=1):
                    self._separate(song, f"{number}/{len(waiting)} " if waiting[1:] else "", overwrite)
        except KeyboardInterrupt:
            left = len(waiting) - len(self.done) - len(self.failures)
            self.console.print(f"Stopped with {counted(left)} left; the same command continues with the rest.")
            sys.exit(INTERRUPTED)
        finally:
            if len(waiting) > 1:
                self._sum_up(len(waiting), time.monotonic() - begun)
            for failure in self.failures:
                report(failure)
        return not self.failures

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
                        "the memory is full: lower batch_size or chunk_seconds, or set device=cpu if it is a GPU's"
                    ) from error
                logging.getLogger(__name__).debug("unexpected", exc_info=error)
                self.failures.append(
                    InputError(f"{song.source} could not be separated: {type(error).__name__}: {error}")
                )
                return
        self.done.append(separated)
        self._tell(song, separated)

    def _stems_of(self, song: Song, number: str, overwrite: bool) -> SeparatedSong:
        mark = self.mark(song)
        if not overwrite:
            song.check_room(self.files(song), mark)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # repeated when it is separated
            opened = SongStems(self.separator, song.source, self.rest, self.downmix, stream=self.stream)
        with song_progress(opened, f"{number}{song.source.name}", self.console, self.faster) as progress:
            separated = separate_file(
                self.separator,
                song.source,
                song.folder,
                self.delivery,
                self.rest,
                self.downmix,
                mark,
                stream=self.stream,
            )
        choice = self.separator.engine_choice
        if choice != self.choice:
            self.console.print(f"{choice}.")
        self.choice = choice
        if progress.long:
            self.faster = ()  # once is enough
        return separated

    def _tell(self, song: Song, separated: SeparatedSong) -> None:
        took = f"{clock(separated.seconds)} of music in {clock(separated.seconds_taken)}"
        speed = separated.seconds / max(separated.seconds_taken, 1e-9)
        self.console.print(
            f"{', '.join(self.names)} are in {shown_path(song.folder)} ({took}, {speed:.1f} x real time)"
        )
        if others := song.of_other_settings(self.files(song), self.mark(song)):
            names = ", ".join(path.name for path in others)
            self.console.print(f"{shown_path(song.folder)} also holds stems of other settings: {names}", style="yellow")
        decibels = 20 * math.log10(separated.gain)
        if decibels < 0:
            self.console.print(f"All its stems were scaled by {decibels:.1f} dB, so that none clips.")
        elif separated.clipped:
            told = ", ".join(f"{count} of {name}" for name, count in separated.clipped.items())
            remedy = "rescale=true makes room, format=wav bit_depth=float keeps them"
            self.console.print(f"Samples beyond full scale were cut off: {told}; {remedy}.", style="yellow")

    def _sum_up(self, songs: int, taken: float) -> None:
        music = sum(separated.seconds for separated in self.done)
        speed = music / max(taken, 1e-9)
        self.console.print(
            f"{len(self.done)} of {counted(songs)} separated: {clock(music)} of music in {clock(taken)}, "
            f"{speed:.1f} x real time"
        )


def counted(songs: int) -> str:
    """A number of songs in words."""
    return f"{songs} song" if songs == 1 else f"{songs} songs"
