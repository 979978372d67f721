"""Separate songs one after another, past those that cannot be, and tell how it goes."""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console

from bsroformer.errors import InputError
from bsroformer.inference import Delivery, SeparatedSong, Song, StreamSeparator, separate_file
from bsroformer.launch.errors import report
from bsroformer.launch.terminal import clock, music_progress, warnings_told

INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended


@dataclass
class Separating:
    """Songs that are separated one after another.

    Attributes:
        separator: What separates.
        delivery: In which form stems are written.
        rest: Name of the rest, if it is written.
        downmix: Whether surround sound is mixed down.
        console: Where to tell what happens.
        done: The songs that are separated.
        failures: What was wrong with the others.
    """

    separator: StreamSeparator
    delivery: Delivery
    rest: str | None
    downmix: bool
    console: Console
    done: list[SeparatedSong] = field(default_factory=list)
    failures: list[InputError] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Of the stems that are written."""
        return [*self.separator.stems, *([] if self.rest is None else [self.rest])]

    def files(self, song: Song) -> list[Path]:
        """Where the stems of a song go."""
        return [self.delivery.path(song.folder, name) for name in self.names]

    def separate(self, songs: Sequence[Song]) -> bool:
        """Separate the songs; whether all of them could be."""
        begun = time.monotonic()
        try:
            for number, song in enumerate(songs, start=1):
                self._separate(song, f"{number}/{len(songs)} {song.source.name}" if songs[1:] else song.source.name)
        except KeyboardInterrupt:
            left = len(songs) - len(self.done) - len(self.failures)
            self.console.print(f"Stopped with {counted(left)} left; the same command goes on where this one ended.")
            sys.exit(INTERRUPTED)
        finally:
            if len(songs) > 1:
                self._sum_up(len(songs), time.monotonic() - begun)
            for failure in self.failures:
                report(failure)
        return not self.failures

    def _separate(self, song: Song, title: str) -> None:
        """Separate a song, or keep in mind why it cannot be."""
        with warnings_told(self.console), music_progress(self.console) as progress:
            task = progress.add_task(title, total=None)
            try:
                separated = separate_file(
                    self.separator,
                    song.source,
                    song.folder,
                    self.delivery,
                    self.rest,
                    self.downmix,
                    progress=lambda done, total: progress.update(task, completed=done, total=total),
                )
            except InputError as error:
                self.failures.append(error)
                return
            except torch.OutOfMemoryError as error:
                raise InputError(
                    "the GPU's memory is full: lower batch_size or chunk_seconds, or set device=cpu"
                ) from error
        self.done.append(separated)
        self._tell(song, separated)

    def _tell(self, song: Song, separated: SeparatedSong) -> None:
        took = f"{clock(separated.seconds)} of music in {clock(separated.seconds_taken)}"
        speed = separated.seconds / max(separated.seconds_taken, 1e-9)
        self.console.print(f"{', '.join(self.names)} are in {song.folder} ({took}, {speed:.1f} x real time)")
        decibels = 20 * math.log10(separated.gain)
        if decibels < 0:
            self.console.print(f"All its stems were scaled by {decibels:.1f} dB, so that none clips.")
        elif separated.clipped:
            told = ", ".join(f"{count} of {name}" for name, count in separated.clipped.items())
            self.console.print(
                f"Samples beyond full scale were cut off: {told}; bit_depth=float keeps them, rescale=true makes room.",
                style="yellow",
            )

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
