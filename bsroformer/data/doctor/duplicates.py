"""The same audio twice: by the digest of its samples, whatever it is kept in."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.finding import Finding, Severity
from bsroformer.data.doctor.sound_findings import is_silent
from bsroformer.data.layouts import MIXTURE, SPLITS

ACROSS = "does not notice: its scores on {split} are of music that it has learnt"
WITHIN = {
    "train": "draws it twice as often as other music",
    "valid": "counts it twice",
    "test": "does not matter; evaluation counts it twice",
}


class Stem(NamedTuple):
    """A stem of a song that was examined."""

    song: int
    """The song's place."""
    name: str


class Pair(NamedTuple):
    """Two stems that are one."""

    one: Stem
    other: Stem
    """The one that is told: of the later split, or song."""


def exact_pairs(songs: Sequence[TrackFacts]) -> list[Pair]:
    """Stems that sound the same to 16 bits: each with the first that does, in the order of splits and songs.

    A mixture is compared with mixtures only, since it is its stem where the song has one.
    """
    first: dict[tuple[str, bool], Stem] = {}
    pairs = []
    for number in in_order(songs):
        for name, stem in songs[number].stems.items():
            if not is_silent(stem):
                own = Stem(number, name)
                other = first.setdefault((stem.digest, name == MIXTURE), own)
                if other is not own:
                    pairs.append(Pair(other, own))
    return pairs


def in_order(songs: Sequence[TrackFacts]) -> list[int]:
    """The places of songs by split, train before test."""
    return sorted(range(len(songs)), key=lambda number: SPLITS.index(songs[number].song.split))


def twin_findings(songs: Sequence[TrackFacts], pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Tell of pairs of one sound, those of two songs together."""
    for (one, other), stems in _by_songs(pairs).items():
        song, twin = songs[other].song, songs[one].song
        across = song.split != twin.split
        names = tuple(dict.fromkeys(pair.other.name for pair in stems))
        renamed = ", ".join(f"its {pair.one.name}" for pair in stems if pair.one.name != pair.other.name)
        where = "" if one == other else f"{twin.split}/{twin.name}"
        told = f"the same audio as {' in '.join(filter(None, (renamed, where)))}"
        training = ACROSS.format(split=song.split) if across else WITHIN[song.split]
        if one == other:
            training = "takes one sound for both stems"
        severity: Severity = "error" if across else "warning"
        yield Finding("duplicate", severity, song.split, song.name, names, told, training)


def _by_songs(pairs: Sequence[Pair]) -> dict[tuple[int, int], list[Pair]]:
    found: dict[tuple[int, int], list[Pair]] = {}
    for pair in pairs:
        found.setdefault((pair.one.song, pair.other.song), []).append(pair)
    return found
