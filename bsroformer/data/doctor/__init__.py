"""The doctor: listens to every song of a data set, and tells what training would suffer from before it does.

::

    examine_songs   files -> facts: each is decoded once, in blocks      meter, clipping, reader, examine
    judge           facts -> findings: what, how bad, and what training makes of it   fit, sound, twins, near_twins
    write_check     both -> check.json                                   report
"""

from bsroformer.data.doctor.examine import examine_songs, stated_seconds
from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.finding import Finding, Severity
from bsroformer.data.doctor.judge import Requirements, judge
from bsroformer.data.doctor.near_duplicates import near_work
from bsroformer.data.doctor.report import write_check

__all__ = [
    "Finding",
    "Requirements",
    "Severity",
    "TrackFacts",
    "examine_songs",
    "judge",
    "near_work",
    "stated_seconds",
    "write_check",
]
