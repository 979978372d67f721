"""Amount of each stem in a data set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bsroformer.data.doctor.facts import TrackFacts


@dataclass(frozen=True)
class StemAmount:
    """Amount of a stem in a split, silent regions included.

    Attributes:
        songs: Songs and clips in which it is known.
        seconds: Their length.
    """

    songs: int
    seconds: float


def amounts(tracks: Iterable[TrackFacts], stems: Sequence[str]) -> dict[str, dict[str, StemAmount]]:
    """Count the songs in which each stem is known: split -> stem -> amount.

    A split without songs is not listed.
    """
    by_split: dict[str, list[TrackFacts]] = {}
    for facts in tracks:
        by_split.setdefault(facts.song.split, []).append(facts)
    return {
        split: {stem: _amount([facts for facts in of_split if stem in facts.song.stems]) for stem in stems}
        for split, of_split in by_split.items()
    }


def _amount(tracks: Sequence[TrackFacts]) -> StemAmount:
    seconds = sum(facts.seconds for facts in tracks)
    return StemAmount(len(tracks), round(seconds, 3))
