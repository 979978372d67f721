"""Nearly the same audio twice: coded anew, louder, later, at another rate.

Two steps, since a false accusation is worse than a miss. Levels in dB, of every pair of stems of one name, are
correlated over all lags by FFT: that finds candidates, among them any two bass lines of one rhythm. Of each candidate a
few seconds of both are then read at this lag, and correlated sample by sample.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bsroformer.audio.convert import resample
from bsroformer.audio.files import read
from bsroformer.data.doctor.duplicates import ACROSS, WITHIN, Pair, Stem, in_order
from bsroformer.data.doctor.facts import StemFacts, TrackFacts
from bsroformer.data.doctor.finding import Finding
from bsroformer.data.doctor.level_correlation import Advance, like_pairs, smooth_levels, work_of
from bsroformer.data.doctor.meter import HOP_SECONDS
from bsroformer.data.doctor.sound_findings import is_silent
from bsroformer.errors import InputError

SAME = 0.8
"""Correlation of samples: of a copy in AAC or MP3 at 96 kbit/s at least 0.92; of different demo songs 0.22 at most."""
LEAST_HOPS = 50  # 1 s: a shorter sound has no levels to speak of
PROBE_SECONDS = 3.0  # read of each candidate
MARGIN_SECONDS = 0.1  # by which the lag may be wrong
MOST_STEMS = 3000
"""Stems of one name that are compared: 4.5 million pairs, 2.5 minutes of clips of 5 s."""


@dataclass(frozen=True)
class Match:
    """Two stems with like levels.

    Attributes:
        pair: The stems.
        lag: Seconds by which the sound of the first comes later in its file.
        begin: Where they overlap, in the first, seconds.
        end: Where that ends.
    """

    pair: Pair
    lag: float
    begin: float
    end: float


def near_findings(songs: Sequence[TrackFacts], exact: Sequence[Pair], advance: Advance) -> Iterator[Finding]:
    """Tell of songs that are nearly the same in some stem, but for pairs of songs that are exactly in another.

    Args:
        songs: All songs.
        exact: Stems that are exactly the same.
        advance: Called with the `near_work` that is done.
    """
    told = {(pair.one.song, pair.other.song) for pair in exact}
    found: dict[tuple[int, int], list[tuple[str, float, float]]] = {}
    for name, stems in _by_name(songs).items():
        if len(stems) > MOST_STEMS:
            yield _too_many(songs[stems[0].song].song.split, name, len(stems))
        for match in _alike(songs, stems[:MOST_STEMS], advance):
            key = (match.pair.one.song, match.pair.other.song)
            if key not in told and (same := _sameness(songs, match)) >= SAME:
                found.setdefault(key, []).append((name, same, match.lag))
    for (one, other), alike in found.items():
        yield _finding(songs[one], songs[other], alike)


def near_work(songs: Sequence[TrackFacts]) -> int:
    """How much `near_findings` has to do: hops of both stems of each pair, added up."""
    hops = ([len(songs[place].stems[name].power) for place, name in stems] for stems in _by_name(songs).values())
    return sum(work_of(each[:MOST_STEMS]) for each in hops)


def _by_name(songs: Sequence[TrackFacts]) -> dict[str, list[Stem]]:
    """The stems that can be compared with each other, in the order of splits and songs."""
    order = in_order(songs)
    return {
        name: [Stem(number, name) for number in order if _comparable(songs[number], name)]
        for name in sorted({name for song in songs for name in song.stems})
    }


def _finding(one: TrackFacts, other: TrackFacts, alike: Sequence[tuple[str, float, float]]) -> Finding:
    song, twin = other.song, one.song
    _, same, lag = max(alike, key=lambda match: match[1])
    shift = f", {abs(lag):.2f} s {'earlier' if lag > 0 else 'later'}" if abs(lag) >= HOP_SECONDS else ""
    told = f"nearly the audio of {twin.split}/{twin.name}{shift} (correlation {same:.3f})"
    training = WITHIN[song.split] if song.split == twin.split else ACROSS.format(split=song.split)
    return Finding(
        "near duplicate", "warning", song.split, song.name, tuple(name for name, *_ in alike), told, training
    )


def _too_many(split: str, name: str, count: int) -> Finding:
    told = f"near duplicates were looked for among the first {MOST_STEMS} of {count} only"
    return Finding("not compared", "remark", split, "", (name,), told, "does not look for any")


def _comparable(song: TrackFacts, name: str) -> bool:
    stem = song.stems.get(name)
    return stem is not None and not is_silent(stem) and len(stem.power) >= LEAST_HOPS


def _alike(songs: Sequence[TrackFacts], stems: Sequence[Stem], advance: Advance) -> Iterator[Match]:
    """Pairs of stems whose levels go up and down together."""
    levels = [smooth_levels(songs[stem.song].stems[stem.name].power) for stem in stems]
    for one, other, lag in like_pairs(levels, advance):
        begin, end = max(0, lag), min(len(levels[one]), len(levels[other]) + lag)
        seconds = (HOP_SECONDS * hops for hops in (lag, begin, end))
        yield Match(Pair(stems[one], stems[other]), *seconds)


def _sameness(songs: Sequence[TrackFacts], match: Match) -> float:
    """Largest correlation, of either sign, of the loudest seconds that two stems share, at lags near theirs."""
    one, other = (songs[stem.song] for stem in match.pair)
    stem, twin = one.stems[match.pair.one.name], other.stems[match.pair.other.name]
    seconds = min(PROBE_SECONDS, match.end - match.begin)
    start = _loudest(stem, match.begin, match.end, seconds)
    try:
        mine = _excerpt(one, match.pair.one, start, seconds)
        theirs = _excerpt(other, match.pair.other, start - match.lag - MARGIN_SECONDS, seconds + 2 * MARGIN_SECONDS)
    except InputError:
        return 0.0
    if twin.sample_rate != stem.sample_rate:
        theirs = resample(torch.from_numpy(theirs), twin.sample_rate, stem.sample_rate).numpy()
    return sliding_correlation(mine, theirs)


def sliding_correlation(short: NDArray[np.float32], long: NDArray[np.float32]) -> float:
    """Largest cosine, of either sign, between a signal (t) and any as long part of another (u >= t)."""
    size = 1 << (len(short) + len(long) - 1).bit_length()
    cross = np.fft.irfft(np.fft.rfft(long, size) * np.fft.rfft(short, size).conj(), size)
    places = max(1, len(long) - len(short) + 1)
    energy = np.concatenate([[0.0], np.cumsum(np.square(long, dtype=np.float64))])
    ends = np.minimum(np.arange(places) + len(short), len(long))
    norm = np.sqrt((energy[ends] - energy[:places]) * np.square(short, dtype=np.float64).sum())
    return float(np.max(np.abs(cross[:places]) / np.maximum(norm, 1e-9)))


def _loudest(stem: StemFacts, begin: float, end: float, seconds: float) -> float:
    """Where the loudest excerpt of a stem between two times begins, seconds."""
    first, last, length = (round(time / HOP_SECONDS) for time in (begin, end, seconds))
    summed = np.concatenate([[0.0], np.cumsum(stem.power[first:last], dtype=np.float64)])
    places = max(1, len(summed) - length)
    return begin + HOP_SECONDS * int(np.argmax(summed[-places:] - summed[:places]))


def _excerpt(song: TrackFacts, stem: Stem, start: float, seconds: float) -> NDArray[np.float32]:
    """An excerpt (t) in mono; silence before the beginning."""
    file, rate = song.song.stems[stem.name], song.stems[stem.name].sample_rate
    first = round(start * rate)
    audio, _ = read(file.path, max(0, first), max(1, round(seconds * rate) + min(0, first)), file.stream)
    mono = audio.mean(dim=0).numpy()
    return np.concatenate([np.zeros(max(0, -first), np.float32), mono])
