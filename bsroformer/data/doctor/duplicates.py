"""Find the same audio twice, in any file format: by the digest of its samples."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.finding import Finding, Severity
from bsroformer.data.doctor.sound_findings import is_silent
from bsroformer.data.layouts import MIXTURE, SPLITS

_ACROSS_SPLITS = "does not detect it; its scores on {split} are on training data"
_WITHIN_SPLIT = {
    "train": "draws it twice as often as other songs",
    "valid": "counts it twice",
    "test": "is not affected; evaluation counts it twice",
}


class Stem(NamedTuple):
    """A stem of an examined track."""

    track: int
    """Number of the track."""
    name: str


class Pair(NamedTuple):
    """Two stems with the same audio."""

    original: Stem
    copy: Stem
    """The reported stem: that of the later split, or track."""


def exact_pairs(tracks: Sequence[TrackFacts]) -> list[Pair]:
    """Pair stems that are the same to 16 bits with the first such stem.

    The order is that of splits and tracks.

    A mixture is compared with mixtures only, since it equals the stem of a track with one stem.
    """
    first: dict[tuple[str, bool], Stem] = {}
    pairs = []
    for number in in_order(tracks):
        for name, facts in tracks[number].stems.items():
            if is_silent(facts):
                continue
            stem = Stem(number, name)
            original = first.setdefault((facts.digest, name == MIXTURE), stem)
            if original is not stem:
                pairs.append(Pair(original, stem))
    return pairs


def in_order(tracks: Sequence[TrackFacts]) -> list[int]:
    """Order the numbers of tracks by split, train before test."""
    return sorted(range(len(tracks)), key=lambda number: SPLITS.index(tracks[number].song.split))


def duplicate_findings(tracks: Sequence[TrackFacts], pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Report pairs of the same audio, a finding for all pairs of two tracks."""
    by_tracks: dict[tuple[int, int], list[Pair]] = {}
    for pair in pairs:
        by_tracks.setdefault((pair.original.track, pair.copy.track), []).append(pair)
    for (original, copy), shared in by_tracks.items():
        yield _finding(tracks[original], tracks[copy], shared)


def _finding(original: TrackFacts, copy: TrackFacts, shared: Sequence[Pair]) -> Finding:
    sources = [f"its {pair.original.name}" for pair in shared if pair.original.name != pair.copy.name]
    phrases = [", ".join(sources)] if sources else []
    if original is copy:
        training = "uses the same audio for both stems"
    else:
        training = training_of_copy(original, copy)
        phrases.append(f"{original.song.split}/{original.song.name}")
    severity: Severity = "warning" if original.song.split == copy.song.split else "error"
    stems = tuple(dict.fromkeys(pair.copy.name for pair in shared))
    found = f"the same audio as {' in '.join(phrases)}"
    return Finding.about(copy.song, "duplicate", severity, stems, found, training)


def training_of_copy(original: TrackFacts, copy: TrackFacts) -> str:
    """Describe the effect of a copy in the same split, or in another one."""
    split = copy.song.split
    if original.song.split == split:
        return _WITHIN_SPLIT[split]
    return _ACROSS_SPLITS.format(split=split)
