"""What is wrong with a song's sound. The thresholds' reasons are here and in docs/doctor.md."""

from collections.abc import Iterator
from math import isfinite

from bsroformer.data.doctor.facts import StemFacts, TrackFacts, decibels
from bsroformer.data.doctor.file_findings import SUMS
from bsroformer.data.doctor.finding import Finding, Severity
from bsroformer.data.layouts import MIXTURE

SILENT_PEAK_DB = -80.0
"""dBFS: a file whose samples all are below holds no more than the dither of 16 bits, whose peaks are near -85."""
MOSTLY_RESTS = 0.9
"""Share of a stem that is silent, from which it is told: an excerpt at random then hits music one time in ten."""
DC_DB = -40.0
"""dBFS: a hundredth of full scale. Music has less than -60; the rest of a note that the end cuts off has, in a second
of it, 1 / (pi * 40 Hz * 1 s) = -42 at most."""
MANY_RUNS = 10.0
"""Clipped runs in a minute, from which they are a fault rather than a few loud hits."""
ROUNDED_DB = -60.0
"""Residual over mixture, dB, that rounding leaves: five files of 16 bits differ by -93 dBFS, which is less than this
for every mixture above -33 dBFS; one that is quieter is judged by the next figure."""
ROUNDED_DBFS = -80.0
LOSSY_DB = -12.0
"""Residual over mixture, dB, of mixture and stems that AAC coded each for itself: -20 to -40 in MUSDB18, and -15 where
the mixture went through a master's compressor."""
WRONG_DB = -10.0
"""Residual over mixture, dB, from which it is another mix: a tenth of its energy is not in the stems."""
LOSSY = frozenset({"aac", "mp3", "mp3float", "MPEG_LAYER_III", "VORBIS", "OPUS", "opus", "vorbis", "wmav2", "wmav1"})
"""Codecs, as libsndfile and FFmpeg call them, that change samples, and overshoot full scale by doing so."""


def is_silent(stem: StemFacts) -> bool:
    """Whether a stem holds no sound at all."""
    return decibels(stem.peak) < SILENT_PEAK_DB


def sound_findings(facts: TrackFacts, excerpt: float) -> Iterator[Finding]:
    """What is wrong with the sound of a song.

    Args:
        facts: The song.
        excerpt: Length of an excerpt to train on, seconds.
    """
    song = facts.song
    if facts.stems and facts.seconds < excerpt and song.split != "test":
        told = f"{facts.seconds:.2f} s, shorter than an excerpt of {excerpt:g} s"
        yield Finding("short", "remark", song.split, song.name, (), told, "fills its excerpts up with silence")
    for stem in facts.stems:
        for check in (_bad, _silent, _clipped, _beyond, _dc):
            if finding := check(facts, stem):
                yield finding
    if finding := _residual(facts):
        yield finding


def _bad(facts: TrackFacts, stem: str) -> Finding | None:
    found = facts.stems[stem]
    if found.bad is None:
        return None
    told = f"{found.bad.count} NaN or infinite samples, the first at {_at(found, found.bad.first)}"
    if facts.song.split == "test":
        return _finding(facts, stem, "NaN", "error", told, "evaluation stops there")
    if stem == MIXTURE:
        return _finding(facts, stem, "NaN", "warning", told, SUMS)
    training = "stops at the first excerpt that holds one; packing refuses the song"
    return _finding(facts, stem, "NaN", "error", told, training)


def _silent(facts: TrackFacts, stem: str) -> Finding | None:
    found = facts.stems[stem]
    if is_silent(found):
        told = "digital silence" if found.peak == 0 else f"no sample above {SILENT_PEAK_DB:g} dBFS"
        training = "draws it like any other from files; packed, only where silence is wanted"
        return _finding(facts, stem, "silent", "warning", told, _uses(facts, stem, training))
    if stem == MIXTURE or found.rests < MOSTLY_RESTS:
        return None
    told = f"silent in {100 * found.rests:.0f} % of the song"
    training = "draws mostly silence from files; packed, where it is heard"
    return _finding(facts, stem, "mostly silent", "remark", told, _uses(facts, stem, training))


def _clipped(facts: TrackFacts, stem: str) -> Finding | None:
    found = facts.stems[stem]
    if found.clipped is None:
        return None
    runs = found.clipped.runs
    severity: Severity = "warning" if runs >= MANY_RUNS * max(1, found.seconds / 60) else "remark"
    longest = f"the longest {found.clipped.longest} samples"
    told = f"{runs} runs at full scale, the first at {_at(found, found.clipped.first)}, {longest}"
    return _finding(facts, stem, "clipped", severity, told, _uses(facts, stem, "learns it as it is"))


def _beyond(facts: TrackFacts, stem: str) -> Finding | None:
    found = facts.stems[stem]
    if not found.beyond or facts.headers[stem].codec in LOSSY:
        return None
    told = f"{found.beyond} samples beyond full scale, up to {decibels(found.peak):+.1f} dBFS"
    training = _uses(facts, stem, "learns it as it is; packed as float32, twice the room")
    return _finding(facts, stem, "beyond full scale", "remark", told, training)


def _dc(facts: TrackFacts, stem: str) -> Finding | None:
    found = facts.stems[stem]
    if decibels(found.dc) < DC_DB:
        return None
    told = f"mean of {decibels(found.dc):.1f} dBFS"
    return _finding(facts, stem, "DC offset", "warning", told, _uses(facts, stem, "learns it as it is"))


def _residual(facts: TrackFacts) -> Finding | None:
    """How far the mixture is from the sum of its stems, judged in the channel where it is farthest."""
    if not facts.residual_db or is_silent(facts.stems[MIXTURE]):
        return None
    db = max(facts.residual_db)
    lossy = any(info.codec in LOSSY for info in facts.headers.values())
    rounded = db < ROUNDED_DB or facts.residual_dbfs[facts.residual_db.index(db)] < ROUNDED_DBFS
    if rounded or (lossy and db < LOSSY_DB) or not isfinite(db):
        return None
    where = ""
    if len(facts.residual_db) == 2 and db - min(facts.residual_db) > 6:
        where = f" in the {('left', 'right')[facts.residual_db.index(db)]} channel"
    told = f"mixture - sum of stems is {db:+.1f} dB of the mixture{where}"
    training = SUMS
    if facts.song.split == "test":
        training = "evaluation separates the mixture as it is: no score can be better than the difference"
    return _finding(facts, MIXTURE, "does not add up", "warning" if db >= WRONG_DB else "remark", told, training)


def _uses(facts: TrackFacts, stem: str, learning: str) -> str:
    """What is done with a stem as it is; `learning` says what, where it is one to train on."""
    if facts.song.split == "test":
        return "evaluation takes it as it is"
    if stem == MIXTURE:
        return SUMS
    return "validates on it as it is" if facts.song.split == "valid" else learning


def _at(found: StemFacts, sample: int) -> str:
    return f"{sample / found.sample_rate:.3f} s"


def _finding(facts: TrackFacts, stem: str, kind: str, severity: Severity, found: str, training: str) -> Finding:
    return Finding(kind, severity, facts.song.split, facts.song.name, (stem,), found, training)
