"""What can be heard and seen of the worst and the best songs of an evaluation, all methods of a song together."""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.figures import comparison_figure, methods_figure
from bsroformer.figures.style import Theme
from bsroformer.parallel import processors
from bsroformer.report.colours import colours_of
from bsroformer.report.evaluation_tables import evaluated, with_mean
from bsroformer.report.excerpts import Excerpt, find_excerpts, worst_and_best
from bsroformer.report.media import encoded, gain_of
from bsroformer.report.pictures import Picture, drawn_image
from bsroformer.report.tables import decibels

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Take:
    """A stem as one method estimated it: sources of players, and what it scored in the whole song."""

    method: str
    scores: tuple[str, ...]
    estimate: str
    error: str


@dataclass(frozen=True)
class Heard:
    """What can be heard of a stem: the source of its player, and a take of each method, None where there is none."""

    stem: str
    reference: str
    takes: tuple[Take | None, ...]


@dataclass(frozen=True)
class Song:
    """One of the worst or best songs; `softer` says how many dB its sounds are turned down."""

    end: str
    name: str
    scores: tuple[tuple[str, tuple[str, ...]], ...]
    where: str
    softer: float
    mixture: str
    stems: tuple[Heard, ...]
    spectrograms: Picture


@dataclass(frozen=True)
class Signals:
    """An excerpt in memory: mixture (c t), references and each method's estimates (n c t)."""

    mixture: Tensor
    references: Tensor
    estimates: Mapping[str, Tensor]
    rate: int

    @property
    def gain(self) -> float:
        """What all sounds are multiplied by, so that none of them clips."""
        errors = (signals - self.references for signals in self.estimates.values())
        every = (self.mixture, self.references, *self.estimates.values(), *errors)
        return gain_of(float(signals.abs().max()) for signals in every)


def heard_songs(folder: Path, results: Tree) -> Iterator[Song]:
    """The songs that have excerpts under what is compared, the worst first and then the best."""
    ends = zip(("worst", "best"), worst_and_best(ranked_songs(folder, results)), strict=True)
    for end, songs in ends:
        for excerpts in songs:
            yield heard_song(end, excerpts, results)


def ranked_songs(folder: Path, results: Tree) -> list[dict[str, Excerpt]]:
    """The excerpts of each song by method, from the worst song to the best by the mean of their scores."""
    found: dict[str, dict[str, Excerpt]] = {}
    for method in evaluated(results):
        scored = {song["song"] for song in method["songs"]}
        for excerpt in find_excerpts(folder / "excerpts" / method["name"]):
            if excerpt.song in scored:
                found.setdefault(excerpt.song, {})[method["name"]] = excerpt
    rank = {song: fmean(excerpt.score for excerpt in of.values()) for song, of in found.items()}
    return [found[song] for song in sorted(found, key=lambda song: (rank[song], song))]


def heard_song(end: str, excerpts: Mapping[str, Excerpt], results: Tree) -> Song:
    """The excerpts of a song as they are shown; if one of the sounds would clip, all are turned down alike."""
    first = next(iter(excerpts.values()))
    signals = read_signals(excerpts)
    with ThreadPoolExecutor(processors()) as pool:
        sounds = [signals.mixture, *signals.references]
        for estimates in signals.estimates.values():
            sounds += [*estimates, *(estimates - signals.references)]
        gain = signals.gain
        sources = pool.map(lambda sound: encoded(gain * sound, signals.rate), sounds)
        picture = spectrograms(signals, first.stems, results)
        mixture, *heard = sources
    count = len(first.stems)
    parts = [heard[start : start + count] for start in range(0, len(heard), count)]  # sources by stem
    of_methods = dict(zip(signals.estimates, zip(parts[1::2], parts[2::2], strict=True), strict=True))
    minutes, seconds = divmod(int(first.begins), 60)
    methods = [method["name"] for method in evaluated(results)]
    scores = {method["name"]: _scores(method, first.song) for method in evaluated(results)}
    stems = []
    for n, (stem, reference) in enumerate(zip(first.stems, parts[0], strict=True)):
        takes = [
            Take(
                name, in_words(scores[name].get(stem, {}), results["metrics"]), *(part[n] for part in of_methods[name])
            )
            if name in of_methods
            else None
            for name in methods
        ]
        stems.append(Heard(stem, reference, tuple(takes)))
    mean = with_mean(first.stems)[-1]
    return Song(
        end,
        first.song,
        tuple((name, in_words(scores[name].get(mean, {}), results["metrics"])) for name in methods),
        f"{signals.mixture.shape[-1] / signals.rate:.0f} s from {minutes}:{seconds:02}",
        -20 * math.log10(gain),
        mixture,
        tuple(stems),
        picture,
    )


def read_signals(excerpts: Mapping[str, Excerpt]) -> Signals:
    """Read the excerpts of a song under several methods; one that is of another part or other stems is skipped.

    Raises:
        InputError: If a file is missing or damaged.
    """
    first, *_ = excerpts.values()
    mixture, references, _, rate = first.read()
    estimates = {}
    for method, excerpt in excerpts.items():
        if (excerpt.stems, excerpt.begins) == (first.stems, first.begins):
            found = excerpt.read()[2]
            if found.shape == references.shape:
                estimates[method] = found
    if not estimates:
        raise InputError(f"{first.folder} is damaged: references and estimates differ in length; remove it")
    return Signals(mixture, references, estimates, rate)


def spectrograms(signals: Signals, stems: Sequence[str], results: Tree) -> Picture:
    """Reference, estimate and error of one method, or the reference and the estimates of several."""
    numbers = colours_of(results).methods
    if len(evaluated(results)) == 1:
        [estimates] = signals.estimates.values()
        return drawn_image(
            lambda theme: comparison_figure(signals.references, estimates, stems, signals.rate, theme=theme)
        )

    def draw(theme: Theme) -> Any:
        colours = {name: theme.colour(int(numbers[name] or 0)) for name in signals.estimates}
        return methods_figure(signals.references, signals.estimates, colours, stems, signals.rate, theme)

    return drawn_image(draw)


def _scores(method: Tree, song: str) -> Tree:
    """A method's scores of a song by stem; empty if it has none."""
    found: Tree = next((of["scores"] for of in method["songs"] if of["song"] == song), {})
    return found


def in_words(scores: Tree, metrics: Sequence[str]) -> tuple[str, ...]:
    """Scores with their names."""
    return tuple(f"{metric} {decibels(scores.get(metric))}" for metric in metrics)
