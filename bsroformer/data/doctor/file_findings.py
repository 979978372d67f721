"""Findings about the files of a track, by training's own rules."""

from collections.abc import Collection, Iterator

from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.finding import REFUSES, SUMS, Finding, Severity
from bsroformer.data.layouts import MIXTURE, UNKNOWN, TrackFormat
from bsroformer.data.track_check import FormatMismatch, find_mismatches

_REPAIRS = {
    "rate": "packing resamples it",
    "channels": "packing mixes it down or duplicates its channel",
    "length": "packing pads the short ones with silence",
    "missing": "packing uses silence instead",
}


def file_findings(facts: TrackFacts, form: TrackFormat, mend: Collection[str]) -> Iterator[Finding]:
    """Find faults of a track's files.

    Args:
        facts: The track.
        form: Format that it must have.
        mend: Repairs of packing: see `bsroformer.data.packs`. Tracks to test on are not packed.
    """
    repaired = set() if facts.song.split == "test" else set(mend)
    yield from _names(facts, form, repaired)
    for stem, error in facts.errors.items():
        opened = stem in facts.headers and facts.headers[stem].frames
        training = "stops there" if opened else REFUSES
        yield Finding.about(facts.song, "unreadable", "error", (stem,), error, training)
    for stem, damage in facts.damages.items():
        yield _damaged(facts, stem, damage)
    yield from _mismatches(facts, form, repaired)


def _names(facts: TrackFacts, form: TrackFormat, repaired: Collection[str]) -> Iterator[Finding]:
    """Find stems that are missing, duplicate, or not requested."""
    song = facts.song
    for fault in song.faults:
        phrase = fault.replace(f"{song.path} has ", "").partition("; remove")[0]
        yield Finding.about(song, "duplicate file", "error", (), phrase, f"{REFUSES} until one is removed")
    renamed = song.case_mismatches(form.stems)
    for stem, written in renamed.items():
        phrase = f"{written} instead of {stem}"
        yield Finding.about(song, "case mismatch", "error", (written,), phrase, f"{REFUSES} until it is renamed")
    missing = tuple(stem for stem in song.missing_stems(form.stems) if stem not in renamed)
    phrase = f"only {', '.join(song.stems) or 'nothing'}"
    if len(missing) == len(form.stems):
        yield Finding.about(song, "missing", "error", missing, phrase, REFUSES)
    elif UNKNOWN in song.stems:
        yield Finding.about(song, "unknown", "remark", missing, "in its mixture only", "trains their sum")
    elif missing and song.whole:
        yield _repairable(facts, "missing", missing, phrase, repaired)
    known = (MIXTURE, UNKNOWN, *form.stems, *renamed.values(), *song.file_names(song.stems_among(form.stems)))
    unused = tuple(stem for stem in song.stems if stem not in known)
    if unused:
        yield Finding.about(song, "unused", "remark", unused, "not in data.stems", "does not read it")


def _damaged(facts: TrackFacts, stem: str, damage: str) -> Finding:
    """Describe a file whose decoder found a fault.

    If its end is missing, its length is a finding too.
    """
    if facts.song.split == "test":
        training = "evaluation uses the readable parts"
    elif stem == MIXTURE:
        training = SUMS
    else:
        training = "uses the readable parts, with gaps of silence"
    return Finding.about(facts.song, "damaged", "warning", (stem,), damage, training)


def _mismatches(facts: TrackFacts, form: TrackFormat, repaired: Collection[str]) -> Iterator[Finding]:
    """Find rates, channels and lengths that do not fit, a finding for each kind."""
    by_kind: dict[str, list[FormatMismatch]] = {}
    for mismatch in find_mismatches(facts.headers, form):
        by_kind.setdefault(mismatch.kind, []).append(mismatch)
    without_mixture = {name: info for name, info in facts.headers.items() if name != MIXTURE}
    stems_fit_in_length = all(mismatch.kind != "length" for mismatch in find_mismatches(without_mixture, form))
    wanted = {"rate": f", not {form.sample_rate} Hz", "channels": f", not {form.channels}"}
    for kind, mismatches in by_kind.items():
        stems = tuple(mismatch.stem for mismatch in mismatches)
        phrase = ", ".join(mismatch.found for mismatch in mismatches) + wanted.get(kind, "")
        if kind == "empty":
            unread = tuple(stem for stem in stems if stem not in facts.errors)
            if unread:
                yield Finding.about(facts.song, "unreadable", "error", unread, phrase, REFUSES)
        elif stems == (MIXTURE,) or (kind == "length" and stems_fit_in_length):
            yield _of_mixture(facts, kind, phrase, repaired)
        else:
            yield _repairable(facts, kind, stems, phrase, repaired)


def _repairable(facts: TrackFacts, kind: str, stems: tuple[str, ...], found: str, repaired: Collection[str]) -> Finding:
    if kind in repaired:
        return Finding.about(facts.song, kind, "remark", stems, found, _REPAIRS[kind])
    if facts.song.split == "test":
        training = f"{REFUSES}; songs of test are not repaired"
    else:
        training = f"{REFUSES}; with mend=[{kind}] {_REPAIRS[kind]}"
    return Finding.about(facts.song, kind, "error", stems, found, training)


def _of_mixture(facts: TrackFacts, kind: str, found: str, repaired: Collection[str]) -> Finding:
    """Describe a mixture that alone does not fit: a pack does not contain it."""
    severity: Severity = "error"
    if facts.song.split == "test":
        training = REFUSES
    elif kind in repaired:
        severity = "remark"
        training = "packing ignores the mixture"
    else:
        training = f"{REFUSES}, unless it is packed, which ignores the mixture"
    return Finding.about(facts.song, kind, severity, (MIXTURE,), found, training)
