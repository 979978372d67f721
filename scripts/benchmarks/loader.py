"""Random excerpts from packs, wav files and ``.stem.mp4`` files; the training loader.

Packs are compared with soundfile on wav files and with musdb on ``.stem.mp4`` files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from benchmarks.comparison import Figures, caption, machine, number
from benchmarks.loader_material import Material, into_page_cache, make_material
from benchmarks.loader_ways import (
    Excerpt,
    Way,
    check_agreement,
    from_musdb,
    from_packs,
    from_soundfile,
    open_with_musdb,
    refuse_without_musdb,
)
from benchmarks.measure import on_one_core, seconds
from bsroformer.data.augment import Augment
from bsroformer.data.batch_schedule import Batches
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.sources import Source
from bsroformer.errors import InputError
from bsroformer.kinds import Count, CountOrZero, Seconds

PACKS, SOUNDFILE, MUSDB = "packs", "soundfile", "musdb"
PACKED, FROM_FILES = "batches_per_second", "batches_per_second_from_files"
WARM_UP = 10  # batches of a turn that do not count: those that workers had ready


@dataclass(frozen=True)
class Loader:
    """Time three ways to read random excerpts on one core, and the training loader.

    Attributes:
        source: The songs, with a wav file for each of MUSDB18's four stems.
        augment: Augmentation of the training loader.
        seconds: Length of an excerpt.
        batch_size: Batch size of the training loader.
        num_workers: Workers of the training loader.
        excerpts: Number of excerpts in a round, from packs and with soundfile.
        musdb_excerpts: Number of them that are also read with musdb; 0 skips musdb.
        repeats: Rounds that are timed, each way once in each.
        batches: Batches of the training loader in a round, after some that are discarded.
        cache: Folder that keeps packs and encoded songs for the next run.
    """

    source: Source
    augment: Augment
    seconds: Seconds
    batch_size: Count
    num_workers: CountOrZero
    excerpts: Count
    musdb_excerpts: CountOrZero
    repeats: Count
    batches: Count
    cache: str

    def run(self) -> "ReadingSpeeds":
        """Measure all ways and the loader.

        Raises:
            InputError: If a setting is out of range, the songs cannot be compared, or musdb is missing.
            AssertionError: If the ways read different audio.
        """
        self._check()
        material = make_material(self.source, Path(self.cache).expanduser(), with_stem_mp4=self.musdb_excerpts > 0)
        into_page_cache(material)
        with on_one_core():
            ways = self._ways(material)
            rounds = self._rounds(ways, material)
        taken = {way: median(each[way] for each in rounds) for way in ways}
        songs = material.tracks
        return ReadingSpeeds(
            {
                "songs": len(songs),
                "seconds_of_a_song": round(median(song.frames / song.sample_rate for song in songs), 1),
                "seconds": self.seconds,
                "excerpts": self.excerpts,
                "musdb_excerpts": self.musdb_excerpts,
                "repeats": self.repeats,
                "batch_size": self.batch_size,
                "num_workers": self.num_workers,
                "batches": self.batches,
                **machine(torch.device("cpu")),
                "threads": 1,
            },
            {way: {"ms_per_excerpt": 1000 * each, "excerpts_per_second": 1 / each} for way, each in taken.items()},
            {way: median(each[way] / each[PACKS] for each in rounds) for way in ways if way != PACKS},
            self._batches_per_second(material.pack),
        )

    @property
    def _frames(self) -> int:
        """Compute the length of an excerpt, samples per channel."""
        return round(self.seconds * self.source.form.sample_rate)

    def _check(self) -> None:
        """Check that the settings measure something.

        Raises:
            InputError: If they do not.
        """
        for name, least in {"excerpts": 1, "musdb_excerpts": 0, "repeats": 1, "batches": 1}.items():
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)} must be {least} or more")
        if self.musdb_excerpts > self.excerpts:
            raise InputError(f"musdb_excerpts={self.musdb_excerpts} must not be above excerpts={self.excerpts}")
        if self.musdb_excerpts:
            refuse_without_musdb()

    def _ways(self, material: Material) -> dict[str, Way]:
        """Return the ways to read, after checking that they agree.

        Raises:
            InputError: If an excerpt is longer than a song.
            AssertionError: If they do not agree.
        """
        if any(song.frames < self._frames for song in material.tracks):
            raise InputError(f"data.seconds={self.seconds} is longer than a song; give less")
        ways: dict[str, Way] = {
            PACKS: partial(from_packs, material.packed),
            SOUNDFILE: partial(from_soundfile, material.tracks),
        }
        if self.musdb_excerpts:
            names = [track.name for track in material.tracks]
            ways[MUSDB] = partial(from_musdb, open_with_musdb(material.stem_mp4, names), self.source.form)
        check_agreement(ways, self._draw(material, 1, np.random.default_rng(1))[0])
        return ways

    def _draw(self, material: Material, count: int, rng: np.random.Generator) -> list[Excerpt]:
        """Draw excerpts at random positions of random songs."""
        numbers = rng.integers(len(material.tracks), size=count)
        starts = [rng.integers(material.tracks[number].frames - self._frames + 1) for number in numbers]
        return [Excerpt(int(number), int(start), self._frames) for number, start in zip(numbers, starts, strict=True)]

    def _rounds(self, ways: Mapping[str, Way], material: Material) -> list[Figures]:
        """Measure seconds per excerpt of each way, by round.

        The first round is discarded.
        """
        rng = np.random.default_rng(0)
        draws = [self._draw(material, self.excerpts, rng) for _ in range(1 + self.repeats)]
        counts = {way: self.musdb_excerpts if way == MUSDB else self.excerpts for way in ways}
        return [
            {way: seconds_per_excerpt(read, drawn[: counts[way]]) for way, read in ways.items()} for drawn in draws
        ][1:]

    def _batches_per_second(self, pack: Path) -> Figures:
        """Measure batches per second from packs and from files, alternating.

        The first round is discarded.
        """
        loaders = {PACKED: self._loader(pack), FROM_FILES: self._loader(None)}
        rates: dict[str, list[float]] = {name: [] for name in loaders}
        for _ in range(1 + self.repeats):
            for name, loader in loaders.items():
                take(loader, WARM_UP)
                taken = seconds(partial(take, loader, self.batches), torch.device("cpu"))
                rates[name].append(self.batches / taken)
        return {name: median(each[1:]) for name, each in rates.items()}

    def _loader(self, pack: Path | None) -> Iterator[Tensor]:
        """Yield batches of the training loader, from packs or from files."""
        size = self.batch_size * (1 + self.repeats) * (WARM_UP + self.batches)
        batches = Batches(self.seconds, self.batch_size, size, valid_per_song=1, num_workers=self.num_workers)
        data = StemsDataModule(self.source, self.augment, batches, seed=0, pack=pack)
        data.setup("fit")
        return iter(data.train_dataloader())


@dataclass(frozen=True)
class ReadingSpeeds:
    """Results of the loader benchmark.

    Attributes:
        conditions: The settings and the machine that the figures hold for.
        ways: Figures of each way to read an excerpt.
        ratios: Speed of packs over that of each other way.
        loader: Figures of the training loader.
    """

    conditions: dict[str, Any]
    ways: dict[str, Figures]
    ratios: Figures
    loader: Figures

    def to_dict(self) -> dict[str, Any]:
        """Return a plain tree for JSON, with each ratio at ``ratio_to_<way>``."""
        ratios = {f"ratio_to_{way}": ratio for way, ratio in self.ratios.items()}
        return {"title": "Loading excerpts", "conditions": self.conditions, **self.ways, **ratios, **self.loader}

    def table(self) -> Table:
        """Return a table of ``rich``: figures of the ways, then of the loader."""
        table = Table("", *self.ways, title="Loading excerpts", caption=caption(self.conditions))
        for column in table.columns[1:]:
            column.justify = "right"
        for name in self.ways[PACKS]:
            table.add_row(name.replace("_", " "), *(number(figures[name]) for figures in self.ways.values()))
        table.add_row("times as many from packs", "", *(number(ratio) for ratio in self.ratios.values()))
        table.add_section()
        for name, value in self.loader.items():
            table.add_row(name.replace("_", " "), number(value))
        return table


def seconds_per_excerpt(read: Way, excerpts: Sequence[Excerpt]) -> float:
    """Measure the mean time to read an excerpt."""

    def read_all() -> None:
        for excerpt in excerpts:
            read(excerpt)

    return seconds(read_all, torch.device("cpu")) / len(excerpts)


def take(batches: Iterator[Tensor], count: int) -> None:
    """Draw `count` batches."""
    for _ in range(count):
        next(batches)
