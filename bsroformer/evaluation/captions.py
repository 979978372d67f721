"""Captions of a table of scores: computation of averages, undefined scores."""

from collections import defaultdict
from collections.abc import Sequence

from bsroformer.evaluation.bootstrap import CONFIDENCE, RESAMPLES
from bsroformer.evaluation.results import Results
from bsroformer.evaluation.scores import Evaluation
from bsroformer.metrics import METRICS
from bsroformer.text import count, listed


def averaging(results: Results) -> str:
    """Describe the averages."""
    ways = []
    for way in ("median", "mean"):
        names = [metric for metric in results.metrics if METRICS[metric].average == way]
        if names:
            ways.append(f"{way} over songs for {enumeration(names)}")
    last_row = "; the last row: mean over stems" if len(results.stems) > 1 else ""
    return f"In dB: {', '.join(ways)}{last_row}."


def resampling() -> str:
    """Describe the confidence intervals."""
    return f"[ ]: {CONFIDENCE:.0%} confidence, from {RESAMPLES:,} bootstrap resamples of the songs."


def pairing() -> str:
    """Describe the differences and their intervals."""
    return (
        f"Over the songs that both scored; [ ]: {CONFIDENCE:.0%} confidence, from resampling songs for both together. "
        f"If the interval excludes zero, the difference is significant at {CONFIDENCE:.0%}."
    )


def undefined_seconds(results: Results, most: int | None = None) -> list[str]:
    """Report the seconds without a score and their songs.

    Methods with the same ones share a sentence.

    Args:
        results: The scores.
        most: Number of songs to name; None for all.
    """
    same = defaultdict(list)
    for evaluation in results.evaluations:
        songs = tuple((song.song, song.seconds_undefined) for song in evaluation.songs if song.seconds_undefined)
        total = sum(song.seconds_scored for song in evaluation.songs)
        same[total, songs].append(evaluation.method)
    sentences = []
    for (total, songs), methods in same.items():
        under = f" under {enumeration(methods)}" if len(same) > 1 else ""
        undefined = sum(seconds for _, seconds in songs)
        places = f", in {count(len(songs), 'song')}" if songs else ""
        names = named([f"{song} ({seconds})" for song, seconds in songs], most)
        sentences.append(f"NaN, since a stem is silent{under}: {undefined:,} of {total:,} seconds{places}{names}.")
    return sentences


def silent_stems(results: Results, most: int | None = None) -> str:
    """Report the stems that are silent throughout, and their songs."""
    silent = _silent(results)
    total = count(len(results.stems) * len(results.songs), "stem")
    number = sum(map(len, silent.values()))
    songs = [f"{song} ({enumeration(stems)})" for song, stems in silent.items()]
    return f"Silent or unknown, and without a score: {number} of {total}{named(songs, most)}."


def incomplete_songs(results: Results) -> list[list[str]]:
    """List the songs that `undefined_seconds` and `silent_stems` name, by sentence."""
    undefined = [_with_undefined_seconds(evaluation) for evaluation in results.evaluations]
    return [*undefined, list(_silent(results))]


def _with_undefined_seconds(evaluation: Evaluation) -> list[str]:
    return [song.song for song in evaluation.songs if song.seconds_undefined]


def _silent(results: Results) -> dict[str, tuple[str, ...]]:
    """Map songs to their stems that are silent throughout."""
    silent = {}
    for evaluation in results.evaluations:
        for song in evaluation.songs:
            if song.silent:
                silent[song.song] = song.silent
    return silent


def failed(results: Results, most: int | None = None) -> list[str]:
    """Report songs that could not be scored, and methods that lack songs."""
    shown = results.failures[:most]
    sentences = []
    for failure in shown:
        by = f" by {failure.method}" if failure.method else ""
        sentences.append(f"Not scored: {failure.song}{by}: {failure.reason}")
    more = len(results.failures) - len(shown)
    if more:
        sentences.append(f"… and {more} more that could not be scored.")
    for evaluation in results.evaluations:
        if len(evaluation.songs) < len(results.songs):
            songs = f"{len(evaluation.songs)} of {len(results.songs)} songs"
            sentences.append(f"The averages of {evaluation.method} are over {songs}.")
    return sentences


def named(names: Sequence[str], most: int | None) -> str:
    """List the first names after a colon, and count the others.

    The result is empty if no song is to be named.
    """
    if not names or most == 0:
        return ""
    return f": {listed(names, most or len(names))}"


def enumeration(names: Sequence[str]) -> str:
    """Join names as in a sentence: A, B and C."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
