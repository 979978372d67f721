"""Find nearly the same audio twice: with other coding, gain, start or sample rate.

Two steps, since a false alarm is worse than a miss. The levels in dB of every pair of stems of one name are correlated
over all lags by FFT, which finds candidates, among them any two bass lines of one rhythm. Then a few seconds of both
stems of each candidate are read at this lag, and correlated sample by sample.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bsroformer.audio.convert import resample
from bsroformer.audio.files import read
from bsroformer.data.doctor.duplicates import Pair, Stem, in_order, training_of_copy
from bsroformer.data.doctor.facts import StemFacts, TrackFacts
from bsroformer.data.doctor.finding import Finding
from bsroformer.data.doctor.level_correlation import Advance, correlated_pairs, smooth_levels, work_of
from bsroformer.data.doctor.meter import HOP_SECONDS
from bsroformer.data.doctor.sound_findings import is_silent
from bsroformer.errors import InputError

Audio = NDArray[np.float32]

SAME = 0.8
"""Correlation of samples: 0.92 and more for copies in AAC or MP3 at 96 kbit/s, 0.22 and less for different songs."""
LEAST_HOPS = 50
"""Shortest stem, 1 s: a shorter sound has too few levels."""
PROBE_SECONDS = 3.0
"""Length of the audio that is read of each candidate."""
MARGIN_SECONDS = 0.1
"""Tolerance of the lag."""
MAX_STEMS = 3000
"""Stems of one name that are compared: 4.5 million pairs, 2.5 minutes of clips of 5 s."""


@dataclass(frozen=True)
class Candidate:
    """Two stems with correlated levels.

    Attributes:
        pair: The stems.
        lag: Seconds by which the original starts later in its file.
        begin: First second of the original that both have.
        end: Last second of the original that both have.
    """

    pair: Pair
    lag: float
    begin: float
    end: float


@dataclass(frozen=True)
class _Match:
    """Two stems of one name with nearly the same audio; the lag is in seconds."""

    stem: str
    correlation: float
    lag: float


def near_duplicate_findings(tracks: Sequence[TrackFacts], exact: Sequence[Pair], advance: Advance) -> Iterator[Finding]:
    """Report tracks that are nearly the same in some stem.

    Tracks that are exactly the same in another stem are not reported again.

    Args:
        tracks: All tracks.
        exact: Stems that are exactly the same.
        advance: Called with the `comparison_work` that is done.
    """
    reported = {(pair.original.track, pair.copy.track) for pair in exact}
    matches: dict[tuple[int, int], list[_Match]] = {}
    for name, stems in _by_name(tracks).items():
        if len(stems) > MAX_STEMS:
            yield _too_many(tracks[stems[0].track].song.split, name, len(stems))
        for candidate in _candidates(tracks, stems[:MAX_STEMS], advance):
            key = (candidate.pair.original.track, candidate.pair.copy.track)
            if key in reported:
                continue
            correlation = _correlation(tracks, candidate)
            if correlation >= SAME:
                matches.setdefault(key, []).append(_Match(name, correlation, candidate.lag))
    for (original, copy), alike in matches.items():
        yield _finding(tracks[original], tracks[copy], alike)


def comparison_work(tracks: Sequence[TrackFacts]) -> int:
    """Compute the work of `near_duplicate_findings`.

    It is the sum of the hops of both stems of each pair.
    """
    work = 0
    for stems in _by_name(tracks).values():
        work += work_of([len(tracks[number].stems[name].power) for number, name in stems[:MAX_STEMS]])
    return work


def _by_name(tracks: Sequence[TrackFacts]) -> dict[str, list[Stem]]:
    """Group the stems that can be compared with each other by name."""
    stems: dict[str, list[Stem]] = {name: [] for name in sorted({name for track in tracks for name in track.stems})}
    for number in in_order(tracks):
        for name, facts in tracks[number].stems.items():
            if not is_silent(facts) and len(facts.power) >= LEAST_HOPS:
                stems[name].append(Stem(number, name))
    return stems


def _finding(original: TrackFacts, copy: TrackFacts, matches: Sequence[_Match]) -> Finding:
    best = max(matches, key=lambda match: match.correlation)
    shift = ""
    if abs(best.lag) >= HOP_SECONDS:
        shift = f", {abs(best.lag):.2f} s {'earlier' if best.lag > 0 else 'later'}"
    name = f"{original.song.split}/{original.song.name}"
    found = f"almost the same audio as {name}{shift} (correlation {best.correlation:.3f})"
    stems = tuple(match.stem for match in matches)
    training = training_of_copy(original, copy)
    return Finding.about(copy.song, "near duplicate", "warning", stems, found, training)


def _too_many(split: str, name: str, number: int) -> Finding:
    found = f"searched for near duplicates among the first {MAX_STEMS} of {number} only"
    return Finding("not compared", "remark", split, "", (name,), found, "does not detect any")


def _candidates(tracks: Sequence[TrackFacts], stems: Sequence[Stem], advance: Advance) -> Iterator[Candidate]:
    """Find the pairs of stems with correlated levels."""
    levels = [smooth_levels(tracks[stem.track].stems[stem.name].power) for stem in stems]
    for original, copy, lag in correlated_pairs(levels, advance):
        begin = max(0, lag)
        end = min(len(levels[original]), len(levels[copy]) + lag)
        pair = Pair(stems[original], stems[copy])
        yield Candidate(pair, HOP_SECONDS * lag, HOP_SECONDS * begin, HOP_SECONDS * end)


def _correlation(tracks: Sequence[TrackFacts], candidate: Candidate) -> float:
    """Correlate the loudest seconds that two stems share.

    The result is the largest, of either sign, at lags near theirs.
    """
    original = tracks[candidate.pair.original.track]
    copy = tracks[candidate.pair.copy.track]
    facts = original.stems[candidate.pair.original.name]
    copy_facts = copy.stems[candidate.pair.copy.name]
    seconds = min(PROBE_SECONDS, candidate.end - candidate.begin)
    start = _loudest(facts, candidate.begin, candidate.end, seconds)
    copy_start = start - candidate.lag - MARGIN_SECONDS
    try:
        short = _excerpt(original, candidate.pair.original.name, start, seconds)
        long = _excerpt(copy, candidate.pair.copy.name, copy_start, seconds + 2 * MARGIN_SECONDS)
    except InputError:
        return 0.0
    if copy_facts.sample_rate != facts.sample_rate:
        long = resample(torch.from_numpy(long), copy_facts.sample_rate, facts.sample_rate).numpy()
    return sliding_correlation(short, long)


def sliding_correlation(short: Audio, long: Audio) -> float:
    """Find the largest cosine between a signal (t) and a part of another (u >= t).

    The part is as long as the signal; the sign does not matter.
    """
    lags = max(1, len(long) - len(short) + 1)
    size = 1 << (len(short) + len(long) - 1).bit_length()
    spectrum = np.fft.rfft(long, size) * np.fft.rfft(short, size).conj()
    products = np.fft.irfft(spectrum, size)[:lags]
    squares = np.square(long, dtype=np.float64)
    cumulative = np.concatenate([[0.0], np.cumsum(squares)])
    ends = np.minimum(np.arange(lags) + len(short), len(long))
    part_energy = cumulative[ends] - cumulative[:lags]
    short_energy = np.square(short, dtype=np.float64).sum()
    norm = np.sqrt(part_energy * short_energy)
    cosines = products / np.maximum(norm, 1e-9)
    return float(np.abs(cosines).max())


def _loudest(stem: StemFacts, begin: float, end: float, seconds: float) -> float:
    """Find the start of the loudest excerpt of a stem between two times, seconds."""
    first = round(begin / HOP_SECONDS)
    last = round(end / HOP_SECONDS)
    length = round(seconds / HOP_SECONDS)
    cumulative = np.concatenate([[0.0], np.cumsum(stem.power[first:last], dtype=np.float64)])
    starts = max(1, len(cumulative) - length)
    energies = cumulative[-starts:] - cumulative[:starts]
    return begin + HOP_SECONDS * int(np.argmax(energies))


def _excerpt(track: TrackFacts, stem: str, start: float, seconds: float) -> Audio:
    """Read an excerpt (t) in mono; before the beginning it is silent."""
    file = track.song.stems[stem]
    rate = track.stems[stem].sample_rate
    first = round(start * rate)
    silent = max(0, -first)
    frames = max(1, round(seconds * rate) - silent)
    audio, _ = read(file.path, max(0, first), frames, file.stream)
    mono = audio.mean(dim=0).numpy()
    return np.concatenate([np.zeros(silent, np.float32), mono])
