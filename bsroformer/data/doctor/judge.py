"""Judge the measured tracks of a data set."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bsroformer.data.doctor.duplicates import duplicate_findings, exact_pairs
from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.file_findings import file_findings
from bsroformer.data.doctor.finding import REFUSES, Finding
from bsroformer.data.doctor.level_correlation import Advance
from bsroformer.data.doctor.near_duplicates import near_duplicate_findings
from bsroformer.data.doctor.sound_findings import sound_findings
from bsroformer.data.layouts import TrackFormat


@dataclass(frozen=True)
class Requirements:
    """Requirements of a training.

    Attributes:
        form: Format that each track must have.
        excerpt: Length of an excerpt, seconds.
        mend: Repairs of packing: ``rate``, ``channels``, ``length``, ``missing``.
    """

    form: TrackFormat
    excerpt: float
    mend: Collection[str] = ()


def judge(
    tracks: Sequence[TrackFacts], requirements: Requirements, advance: Advance = lambda work: None
) -> list[Finding]:
    """Find the faults of a data set, errors first.

    Args:
        tracks: All tracks.
        requirements: Requirements of the training.
        advance: Called with how much of `comparison_work`, which may take long, is done.
    """
    findings = [*_splits(tracks)]
    for facts in tracks:
        findings += file_findings(facts, requirements.form, requirements.mend)
        findings += sound_findings(facts, requirements.excerpt)
    pairs = exact_pairs(tracks)
    findings += duplicate_findings(tracks, pairs)
    findings += near_duplicate_findings(tracks, pairs, advance)
    return sorted(findings, key=lambda finding: finding.order)


def _splits(tracks: Sequence[TrackFacts]) -> Iterator[Finding]:
    """Find the missing splits without which training does not start."""
    found = {facts.song.split for facts in tracks}
    for split in {"train", "valid"} - found:
        remedy = f"add a folder {split}/"
        if split == "valid":
            remedy += ", or name songs of train in data.valid_songs"
        yield Finding("no songs", "error", split, "", (), remedy, REFUSES)
