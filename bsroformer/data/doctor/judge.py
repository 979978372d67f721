"""From what is known of the songs to what is wrong with them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bsroformer.data.doctor.duplicates import exact_pairs, twin_findings
from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.file_findings import REFUSES, fit_findings
from bsroformer.data.doctor.finding import Finding
from bsroformer.data.doctor.level_correlation import Advance
from bsroformer.data.doctor.near_duplicates import near_findings
from bsroformer.data.doctor.sound_findings import sound_findings
from bsroformer.data.layouts import TrackFormat


@dataclass(frozen=True)
class Requirements:
    """What training makes of the songs.

    Attributes:
        form: What each must have.
        excerpt: Length of an excerpt, seconds.
        mend: What packing mends: ``rate``, ``channels``, ``length``, ``missing``.
    """

    form: TrackFormat
    excerpt: float
    mend: Collection[str] = ()


def judge(songs: Sequence[TrackFacts], demands: Requirements, advance: Advance = lambda work: None) -> list[Finding]:
    """What is wrong with the songs of a data set, errors first.

    Args:
        songs: All songs.
        demands: What training makes of them.
        advance: Called with how much of `near_work`, which may last, is done.
    """
    findings = [*_splits(songs)]
    for facts in songs:
        findings += fit_findings(facts, demands.form, demands.mend)
        findings += sound_findings(facts, demands.excerpt)
    pairs = exact_pairs(songs)
    findings += twin_findings(songs, pairs)
    findings += near_findings(songs, pairs, advance)
    return sorted(findings, key=lambda finding: finding.order)


def _splits(songs: Sequence[TrackFacts]) -> Iterator[Finding]:
    """Splits without which training does not begin."""
    for split in {"train", "valid"} - {facts.song.split for facts in songs}:
        told = f"add a folder {split}/"
        told += ", or name songs of train in data.valid_songs" if split == "valid" else ""
        yield Finding("no songs", "error", split, "", (), told, REFUSES)
