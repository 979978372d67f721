"""Players and spectrograms of an evaluation's worst and best songs."""

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
from bsroformer.figures.style import LIGHT
from bsroformer.parallel import processors
from bsroformer.report.colours import colours_of
from bsroformer.report.evaluation_tables import evaluated, with_mean
from bsroformer.report.excerpts import Excerpt, find_excerpts, worst_and_best
from bsroformer.report.html_cells import score_text
from bsroformer.report.media import encoded, gain_of
from bsroformer.report.pictures import Picture, drawn_image
from bsroformer.text import clock

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class EstimatePlayer:
    """A stem from one method: sources of players, and its scores in the whole song."""

    method: str
    scores: tuple[str, ...]
    estimate: str
    error: str


@dataclass(frozen=True)
class StemPlayers:
    """Players of a stem: the reference, and each method, None without an estimate."""

    stem: str
    reference: str
    takes: tuple[EstimatePlayer | None, ...]


@dataclass(frozen=True)
class ShownSong:
    """One of the worst or best songs; `softer` is the attenuation of its sounds in dB."""

    end: str
    name: str
    scores: tuple[tuple[str, tuple[str, ...]], ...]
    where: str
    softer: float
    mixture: str
    stems: tuple[StemPlayers, ...]
    spectrograms: Picture


@dataclass(frozen=True)
class Signals:
    """An excerpt: mixture (c t), references and each method's estimates (n c t)."""

    mixture: Tensor
    references: Tensor
    estimates: Mapping[str, Tensor]
    rate: int

    @property
    def gain(self) -> float:
        """Gain at which no sound clips."""
        errors = (estimates - self.references for estimates in self.estimates.values())
        signals = (self.mixture, self.references, *self.estimates.values(), *errors)
        return gain_of(float(signal.abs().max()) for signal in signals)


def shown_songs(folder: Path, results: Tree) -> Iterator[ShownSong]:
    """Yield the songs with excerpts, the worst first and then the best."""
    worst, best = worst_and_best(ranked_songs(folder, results))
    for excerpts in worst:
        yield shown_song("worst", excerpts, results)
    for excerpts in best:
        yield shown_song("best", excerpts, results)


def ranked_songs(folder: Path, results: Tree) -> list[dict[str, Excerpt]]:
    """Return the excerpts of each song by method, from the worst song to the best.

    Songs are ranked by the mean of their scores.
    """
    songs: dict[str, dict[str, Excerpt]] = {}
    for method in evaluated(results):
        scored = {song["song"] for song in method["songs"]}
        for excerpt in find_excerpts(folder / "excerpts" / method["name"]):
            if excerpt.song in scored:
                songs.setdefault(excerpt.song, {})[method["name"]] = excerpt
    rank = {song: fmean(excerpt.score for excerpt in excerpts.values()) for song, excerpts in songs.items()}
    return [songs[song] for song in sorted(songs, key=lambda song: (rank[song], song))]


def shown_song(end: str, excerpts: Mapping[str, Excerpt], results: Tree) -> ShownSong:
    """Encode and draw the excerpts of a song.

    If one of the sounds would clip, all are attenuated equally.
    """
    first = next(iter(excerpts.values()))
    signals = read_signals(excerpts)
    gain = signals.gain
    with ThreadPoolExecutor(processors()) as pool:
        sources = pool.map(lambda sound: encoded(gain * sound, signals.rate), _sounds(signals))
        picture = spectrograms(signals, first.stems, results)
        mixture, *others = sources
    scores = {}
    for method in evaluated(results):
        scores[method["name"]] = _scores(method, first.song)
    metrics = results["metrics"]
    mean = with_mean(first.stems)[-1]
    return ShownSong(
        end,
        first.song,
        tuple((name, score_texts(by_stem.get(mean, {}), metrics)) for name, by_stem in scores.items()),
        f"{signals.mixture.shape[-1] / signals.rate:.0f} s from {clock(int(first.begins))}",
        -20 * math.log10(gain),
        mixture,
        _stem_players(first.stems, list(signals.estimates), others, scores, metrics),
        picture,
    )


def _sounds(signals: Signals) -> list[Tensor]:
    """List the mixture, references, and each method's estimates and errors."""
    sounds = [signals.mixture, *signals.references]
    for estimates in signals.estimates.values():
        sounds += [*estimates, *(estimates - signals.references)]
    return sounds


def _stem_players(
    stems: Sequence[str], methods: Sequence[str], sources: Sequence[str], scores: Mapping[str, Tree], metrics: list[str]
) -> tuple[StemPlayers, ...]:
    """Arrange the sources of `_sounds` without the mixture by stem.

    Args:
        stems: Names of the stems.
        methods: Names of the methods with estimates, in the order of the sources.
        sources: Sources of references, then of estimates and errors of each method.
        scores: Method -> stem -> metric -> dB, of all compared methods.
        metrics: Metrics to show.
    """
    players = []
    for n, stem in enumerate(stems):
        of_stem = sources[n :: len(stems)]
        reference, *pairs = of_stem
        by_method = dict(zip(methods, zip(pairs[::2], pairs[1::2], strict=True), strict=True))
        takes: list[EstimatePlayer | None] = []
        for name, by_stem in scores.items():
            if name in by_method:
                estimate, error = by_method[name]
                takes.append(EstimatePlayer(name, score_texts(by_stem.get(stem, {}), metrics), estimate, error))
            else:
                takes.append(None)
        players.append(StemPlayers(stem, reference, tuple(takes)))
    return tuple(players)


def read_signals(excerpts: Mapping[str, Excerpt]) -> Signals:
    """Read the excerpts of a song by several methods.

    Those of another part or other stems are ignored.

    Raises:
        InputError: If a file is missing or damaged.
    """
    first, *_ = excerpts.values()
    mixture, references, _, rate = first.read()
    estimates = {}
    for method, excerpt in excerpts.items():
        if (excerpt.stems, excerpt.begins) == (first.stems, first.begins):
            signals = excerpt.read()[2]
            if signals.shape == references.shape:
                estimates[method] = signals
    if not estimates:
        raise InputError(f"{first.folder} is damaged: references and estimates differ in length; remove it")
    return Signals(mixture, references, estimates, rate)


def spectrograms(signals: Signals, stems: Sequence[str], results: Tree) -> Picture:
    """Draw the reference, and the estimate and error of one method.

    Of several methods, only the estimates are drawn.
    """
    if len(evaluated(results)) == 1:
        [estimates] = signals.estimates.values()
        return drawn_image(comparison_figure(signals.references, estimates, stems, signals.rate))
    numbers = colours_of(results).methods
    colours = {name: LIGHT.colour(int(numbers[name] or 0)) for name in signals.estimates}
    return drawn_image(methods_figure(signals.references, signals.estimates, colours, stems, signals.rate))


def _scores(method: Tree, song: str) -> Tree:
    """Return a method's scores of a song by stem; empty without any."""
    by_song: dict[str, Tree] = {entry["song"]: entry["scores"] for entry in method["songs"]}
    return by_song.get(song, {})


def score_texts(scores: Tree, metrics: Sequence[str]) -> tuple[str, ...]:
    """Format scores with their names."""
    return tuple(f"{metric} {score_text(scores.get(metric))}" for metric in metrics)
