"""Sentences that belong below a table of scores: how its averages are made, and what they leave out."""

import math
from collections import defaultdict
from collections.abc import Sequence

from bsroformer.evaluation.bootstrap import CONFIDENCE, RESAMPLES, Interval
from bsroformer.evaluation.results import Results
from bsroformer.evaluation.scores import FRAMEWISE

NOTHING = "–"


def decibels(value: float, sign: str = "") -> str:
    """A score as it stands in a table; with ``+`` for `sign`, as a difference."""
    return NOTHING if math.isnan(value) else f"{value:{sign}.2f}"


def bounds(interval: Interval | None, sign: str = "") -> str:
    """A confidence interval as it stands in a table; empty where there is none.

    The ends of scores have one digit, those of differences, which are small, two.
    """
    digits = 2 if sign else 1
    return f"[{', '.join(f'{end:{sign}.{digits}f}' for end in interval)}]" if interval else ""


def averaging(results: Results) -> str:
    """How the averages are made."""
    medians = [metric for metric in results.metrics if metric in FRAMEWISE]
    means = [metric for metric in results.metrics if metric not in FRAMEWISE]
    ways = [f"{way} over songs for {listed(names)}" for way, names in (("median", medians), ("mean", means)) if names]
    return f"In dB: {', '.join(ways)}{'; the last row: mean over stems' * (len(results.stems) > 1)}."


def resampling() -> str:
    """What intervals are."""
    return f"[ ]: {CONFIDENCE:.0%} confidence, from {RESAMPLES:,} bootstrap resamples of the songs."


def pairing() -> str:
    """What differences and their intervals are."""
    return (
        f"Over the songs that both scored; [ ]: {CONFIDENCE:.0%} confidence, from resampling songs for both together. "
        "Where zero is outside, other songs of the kind would most likely show the difference, too."
    )


def undefined_seconds(results: Results, most: int | None = None) -> list[str]:
    """How many seconds have no score, and in which songs: a sentence for methods that have the same.

    Args:
        results: The scores.
        most: How many songs to name at most; all of them if it is None.
    """
    alike = defaultdict(list)
    for evaluation in results.evaluations:
        songs = tuple((song.song, song.seconds_undefined) for song in evaluation.songs if song.seconds_undefined)
        alike[sum(song.seconds_scored for song in evaluation.songs), songs].append(evaluation.method)
    sentences = []
    for (seconds, songs), methods in alike.items():
        under = f" under {listed(methods)}" if len(alike) > 1 else ""
        undefined = sum(count for _, count in songs)
        places = f", in {number(len(songs), 'song')}" if songs else ""
        names = named([f"{song} ({count})" for song, count in songs], most)
        sentences.append(f"NaN, since a stem is silent{under}: {undefined:,} of {seconds:,} seconds{places}{names}.")
    return sentences


def silent_stems(results: Results, most: int | None = None) -> str:
    """How many stems are silent throughout, and in which songs."""
    silent = _silent(results)
    stems = number(len(results.stems) * len(results.songs), "stem")
    count = sum(map(len, silent.values()))
    songs = [f"{song} ({listed(of)})" for song, of in silent.items()]
    return f"Silent throughout, and without a score: {count} of {stems}{named(songs, most)}."


def songs_left_out(results: Results) -> list[list[str]]:
    """The songs that `undefined_seconds` and `silent_stems` name, sentence by sentence."""
    undefined = [[song.song for song in of.songs if song.seconds_undefined] for of in results.evaluations]
    return [*undefined, list(_silent(results))]


def _silent(results: Results) -> dict[str, tuple[str, ...]]:
    """Song -> its stems that are silent throughout, where there are any."""
    found = {song.song: song.silent for evaluation in results.evaluations for song in evaluation.songs}
    return {song: stems for song, stems in found.items() if stems}


def failed(results: Results, most: int | None = None) -> list[str]:
    """Which songs could not be scored, and why; then, of methods that lack songs, how many they have."""
    shown = results.failures[:most]
    sentences = [
        f"Not scored: {failure.song}{f' by {failure.method}' if failure.method else ''}: {failure.reason}"
        for failure in shown
    ]
    if more := len(results.failures) - len(shown):
        sentences.append(f"… and {more} more that could not be scored.")
    for evaluation in results.evaluations:
        if len(evaluation.songs) < len(results.songs):
            songs = f"{len(evaluation.songs)} of {len(results.songs)} songs"
            sentences.append(f"The averages of {evaluation.method} are over {songs}.")
    return sentences


def named(names: Sequence[str], most: int | None) -> str:
    """The first names after a colon, and how many more there are; empty if none is to be named."""
    shown = names[:most]
    more = [f"{len(names) - len(shown)} more"] if len(shown) < len(names) else []
    return f": {listed([*shown, *more])}" if shown else ""


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: A, B and C."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def number(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
