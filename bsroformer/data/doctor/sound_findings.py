"""Findings about the sound of a track.

The reasons for the thresholds are here and in docs/doctor.md.
"""

from collections.abc import Iterator
from math import isfinite

from bsroformer.data.doctor.facts import StemFacts, TrackFacts, to_db
from bsroformer.data.doctor.finding import SUMS, Finding, Severity
from bsroformer.data.layouts import MIXTURE
from bsroformer.text import decibels

SILENT_PEAK_DB = -80.0
"""dBFS: a file with all samples below contains no more than the dither of 16 bits, whose peaks are near -85."""
MOSTLY_SILENT = 0.9
"""Share of a stem that is silent, from which it is reported: a random excerpt then has music one time in ten."""
DC_DB = -40.0
"""dBFS: a hundredth of full scale. Music has less than -60; a note that the end cuts off has, over its last second,
1 / (pi * 40 Hz * 1 s) = -42 at most."""
MANY_RUNS = 10.0
"""Clipped runs in a minute, from which they are a fault rather than a few loud hits."""
ROUNDED_DB = -60.0
"""Residual over mixture, dB, that rounding leaves: five files of 16 bits differ by -93 dBFS, which is less than this
for every mixture above -33 dBFS; a quieter one is judged by the next figure."""
ROUNDED_DBFS = -80.0
LOSSY_DB = -12.0
"""Residual over mixture, dB, of mixture and stems that AAC coded one by one: -20 to -40 in MUSDB18, and -15 where
the mixture went through a master's compressor."""
WRONG_DB = -10.0
"""Residual over mixture, dB, from which it is another mix: a tenth of its energy is not in the stems."""
ONE_CHANNEL_DB = 6.0
"""Difference between two channels from which the worse one is named."""
LOSSY = frozenset({"aac", "mp3", "mp3float", "MPEG_LAYER_III", "VORBIS", "OPUS", "opus", "vorbis", "wmav2", "wmav1"})
"""Codecs, as libsndfile and FFmpeg call them, that change samples, and overshoot full scale by doing so."""


def is_silent(stem: StemFacts) -> bool:
    """Check that a stem contains no sound at all."""
    return to_db(stem.peak) < SILENT_PEAK_DB


def sound_findings(facts: TrackFacts, excerpt: float) -> Iterator[Finding]:
    """Find faults in the sound of a track.

    Args:
        facts: The track.
        excerpt: Length of an excerpt to train on, seconds.
    """
    if facts.stems and facts.seconds < excerpt and facts.song.split != "test":
        found = f"{facts.seconds:.2f} s, shorter than an excerpt of {excerpt:g} s"
        yield Finding.about(facts.song, "short", "remark", (), found, "pads its excerpts with silence")
    for stem in facts.stems:
        for check in (_non_finite, _silent, _clipped, _beyond, _dc):
            finding = check(facts, stem)
            if finding is not None:
                yield finding
    finding = _residual(facts)
    if finding is not None:
        yield finding


def _non_finite(facts: TrackFacts, stem: str) -> Finding | None:
    measured = facts.stems[stem]
    wrong = measured.non_finite
    if wrong is None:
        return None
    found = f"{wrong.count} NaN or infinite samples, the first at {_time(measured, wrong.first)}"
    severity: Severity = "error"
    if facts.song.split == "test":
        training = "evaluation stops there"
    elif stem == MIXTURE:
        severity = "warning"
        training = SUMS
    else:
        training = "stops at the first excerpt that contains one; packing refuses the song"
    return Finding.about(facts.song, "non-finite", severity, (stem,), found, training)


def _silent(facts: TrackFacts, stem: str) -> Finding | None:
    measured = facts.stems[stem]
    if is_silent(measured):
        found = "digital silence" if measured.peak == 0 else f"no sample above {SILENT_PEAK_DB:g} dBFS"
        training = _use(facts, stem, "from files, draws it like any other; from packs, only for silent stems")
        return Finding.about(facts.song, "silent", "warning", (stem,), found, training)
    if stem == MIXTURE or measured.silent_share < MOSTLY_SILENT:
        return None
    found = f"silent in {100 * measured.silent_share:.0f} % of the song"
    training = _use(facts, stem, "from files, draws mostly silence; from packs, excerpts where it is active")
    return Finding.about(facts.song, "mostly silent", "remark", (stem,), found, training)


def _clipped(facts: TrackFacts, stem: str) -> Finding | None:
    measured = facts.stems[stem]
    clipped = measured.clipped
    if clipped is None:
        return None
    minutes = max(1, measured.seconds / 60)
    severity: Severity = "warning" if clipped.runs >= MANY_RUNS * minutes else "remark"
    first = _time(measured, clipped.first)
    found = f"{clipped.runs} runs at full scale, the first at {first}, the longest {clipped.longest} samples"
    return Finding.about(facts.song, "clipped", severity, (stem,), found, _use(facts, stem, "uses it unchanged"))


def _beyond(facts: TrackFacts, stem: str) -> Finding | None:
    measured = facts.stems[stem]
    if not measured.beyond or facts.headers[stem].codec in LOSSY:
        return None
    peak = decibels(to_db(measured.peak), "dBFS", sign=True)
    found = f"{measured.beyond} samples beyond full scale, up to {peak}"
    training = _use(facts, stem, "uses it unchanged; packs it as float32, which takes twice the space")
    return Finding.about(facts.song, "beyond full scale", "remark", (stem,), found, training)


def _dc(facts: TrackFacts, stem: str) -> Finding | None:
    level = to_db(facts.stems[stem].dc)
    if level < DC_DB:
        return None
    found = f"mean of {decibels(level, 'dBFS')}"
    return Finding.about(facts.song, "DC offset", "warning", (stem,), found, _use(facts, stem, "uses it unchanged"))


def _residual(facts: TrackFacts) -> Finding | None:
    """Compare the mixture with the sum of the stems in the worst channel."""
    if not facts.residual_db or is_silent(facts.stems[MIXTURE]):
        return None
    db = max(facts.residual_db)
    channel = facts.residual_db.index(db)
    rounded = db < ROUNDED_DB or facts.residual_dbfs[channel] < ROUNDED_DBFS
    lossy = db < LOSSY_DB and any(info.codec in LOSSY for info in facts.headers.values())
    if rounded or lossy or not isfinite(db):
        return None
    found = f"mixture - sum of stems is {decibels(db, sign=True)} relative to the mixture"
    if len(facts.residual_db) == 2 and db - min(facts.residual_db) > ONE_CHANNEL_DB:
        found += f" in the {('left', 'right')[channel]} channel"
    training = SUMS
    if facts.song.split == "test":
        training = "evaluation separates the mixture unchanged, so that the residual limits every score"
    severity: Severity = "warning" if db >= WRONG_DB else "remark"
    return Finding.about(facts.song, "mixture residual", severity, (MIXTURE,), found, training)


def _use(facts: TrackFacts, stem: str, training: str) -> str:
    """Describe the use of a stem; `training` is that of a stem to train on."""
    if facts.song.split == "test":
        return "evaluation uses it unchanged"
    if stem == MIXTURE:
        return SUMS
    return "validates on it unchanged" if facts.song.split == "valid" else training


def _time(measured: StemFacts, sample: int) -> str:
    return f"{sample / measured.sample_rate:.3f} s"
