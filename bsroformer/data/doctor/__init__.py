"""The doctor: checks every track of a data set before training.

It reports what would harm a training.

::

    examine_tracks   files -> facts: each is decoded once, in chunks         examine, meter, facts
    judge            facts -> findings: the fault, its severity, and its effect on training
                     file_findings, sound_findings, duplicates, near_duplicates (level_correlation)
    amounts          facts -> how much of each stem there is                 amounts
    write_check      all of them -> check.json                               report
"""

from bsroformer.data.doctor.amounts import amounts
from bsroformer.data.doctor.examine import examine_tracks, stated_seconds
from bsroformer.data.doctor.facts import TrackFacts
from bsroformer.data.doctor.finding import Finding, Severity
from bsroformer.data.doctor.judge import Requirements, judge
from bsroformer.data.doctor.near_duplicates import comparison_work
from bsroformer.data.doctor.report import write_check

__all__ = [
    "Finding",
    "Requirements",
    "Severity",
    "TrackFacts",
    "amounts",
    "comparison_work",
    "examine_tracks",
    "judge",
    "stated_seconds",
    "write_check",
]
