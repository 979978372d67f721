"""Whether a song's files are there, can be read, and fit together: by what training itself would say."""

from collections.abc import Collection, Iterator

from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.finding import Finding, Severity
from bsroformer.data.layouts import MIXTURE, TrackFormat
from bsroformer.data.track import Misfit, misfits, written_otherwise

REFUSES = "refuses the data set"
SUMS = "sums the stems instead"
_MENDED = {
    "rate": "packing resamples it",
    "channels": "packing mixes it down or doubles it",
    "length": "packing lets the short ones end in silence",
    "missing": "packing takes it for silence",
}
# Samples by which a stem may end before its header says so: what an mp4's counts too many.
_SLACK = 4096


def fit_findings(facts: TrackFacts, form: TrackFormat, mend: Collection[str]) -> Iterator[Finding]:
    """What is wrong with a song's files.

    Args:
        facts: The song.
        form: What it must have.
        mend: What packing mends: see `bsroformer.data.packs`. Songs to test on are not packed.
    """
    mended = set() if facts.song.split == "test" else set(mend)
    yield from _names(facts, form, mended)
    for stem, error in facts.errors.items():
        opened = stem in facts.headers and facts.headers[stem].frames
        yield _finding(facts, "unreadable", "error", (stem,), error, "stops there" if opened else REFUSES)
    for stem, damage in facts.damages.items():
        yield _damaged(facts, stem, damage)
    yield from _misfits(facts, form, mended)


def _names(facts: TrackFacts, form: TrackFormat, mended: Collection[str]) -> Iterator[Finding]:
    """Stems that are missing, there twice, or not asked for."""
    song = facts.song
    for fault in song.faults:
        told = fault.replace(f"{song.path} has ", "").partition(": remove")[0]
        yield _finding(facts, "there twice", "error", (), told, f"{REFUSES} until one is removed")
    otherwise = written_otherwise(song, form)
    for stem, found in otherwise.items():
        told = f"{found} where {stem} is asked for"
        yield _finding(facts, "written otherwise", "error", (found,), told, f"{REFUSES} until it is renamed")
    missing = tuple(stem for stem in form.stems if stem not in song.stems and stem not in otherwise)
    told = f"only {', '.join(song.stems) or 'nothing'}"
    if len(missing) == len(form.stems):
        yield _finding(facts, "missing", "error", missing, told, REFUSES)
    elif missing and song.whole:
        yield _mendable(facts, "missing", missing, told, mended)
    known = (MIXTURE, *form.stems, *otherwise.values())
    if extra := tuple(stem for stem in song.stems if stem not in known):
        yield _finding(facts, "extra", "remark", extra, "no stem that is asked for", "does not read it")


def _damaged(facts: TrackFacts, stem: str, damage: str) -> Finding:
    """A file whose decoder found something wrong with it; if its end is missing, reading there fails."""
    if facts.song.split == "test":
        return _finding(facts, "damaged", "warning", (stem,), damage, "evaluation takes what can be read")
    if stem == MIXTURE:
        return _finding(facts, "damaged", "warning", (stem,), damage, SUMS)
    stated, found = facts.headers[stem].frames, facts.stems.get(stem)
    if found and stated and found.frames < stated - _SLACK:
        training = "stops at the first excerpt after the cut; packed, the rest is silence"
        return _finding(facts, "damaged", "error", (stem,), damage, training)
    return _finding(facts, "damaged", "warning", (stem,), damage, "takes what can be read, with gaps of silence")


def _misfits(facts: TrackFacts, form: TrackFormat, mended: Collection[str]) -> Iterator[Finding]:
    """Rates, channels and lengths, a finding for each kind."""
    by_kind: dict[str, list[Misfit]] = {}
    for misfit in misfits(facts.headers, form):
        by_kind.setdefault(misfit.kind, []).append(misfit)
    alone = {name: info for name, info in facts.headers.items() if name != MIXTURE}
    of_stems = {misfit.kind for misfit in misfits(alone, form) if misfit.kind == "length"}
    wanted = {"rate": f"not {form.sample_rate} Hz", "channels": f"not {form.channels}"}
    for kind, found in by_kind.items():
        stems = tuple(misfit.stem for misfit in found)
        told = ", ".join(misfit.told for misfit in found)
        told += f", {wanted[kind]}" if kind in wanted else ""
        if kind == "empty":
            if unread := tuple(stem for stem in stems if stem not in facts.errors):
                yield _finding(facts, "unreadable", "error", unread, told, REFUSES)
        elif stems == (MIXTURE,) or (kind == "length" and not of_stems):
            yield _of_mixture(facts, kind, told, mended)
        else:
            yield _mendable(facts, kind, stems, told, mended)


def _mendable(facts: TrackFacts, kind: str, stems: tuple[str, ...], told: str, mended: Collection[str]) -> Finding:
    if kind in mended:
        return _finding(facts, kind, "remark", stems, told, _MENDED[kind])
    if facts.song.split == "test":
        return _finding(facts, kind, "error", stems, told, f"{REFUSES}; songs of test are not mended")
    return _finding(facts, kind, "error", stems, told, f"{REFUSES}; with mend=[{kind}] {_MENDED[kind]}")


def _of_mixture(facts: TrackFacts, kind: str, told: str, mended: Collection[str]) -> Finding:
    """The mixture alone does not fit: a pack does not hold it."""
    if facts.song.split == "test":
        return _finding(facts, kind, "error", (MIXTURE,), told, REFUSES)
    severity: Severity = "remark" if kind in mended else "error"
    training = "packing leaves the mixture out"
    training = training if kind in mended else f"{REFUSES}, unless it is packed, which leaves the mixture out"
    return _finding(facts, kind, severity, (MIXTURE,), told, training)


def _finding(
    facts: TrackFacts, kind: str, severity: Severity, stems: tuple[str, ...], found: str, training: str
) -> Finding:
    return Finding(kind, severity, facts.song.split, facts.song.name, stems, found, training)
