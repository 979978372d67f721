"""The doctor: listens to every song of a data set, and tells what training would suffer from before it does.

::

    examine_songs   files -> facts: each is decoded once, in blocks      meter, clipping, reader, examine
    judge           facts -> findings: what, how bad, and what training makes of it   fit, sound, twins, near_twins
    write_check     both -> check.json                                   report
"""

from bsroformer.data.doctor.examine import examine_songs, stated_seconds
from bsroformer.data.doctor.finding import Finding, Severity
from bsroformer.data.doctor.judge import Demands, judge
from bsroformer.data.doctor.near_twins import near_work
from bsroformer.data.doctor.report import write_check
from bsroformer.data.doctor.song_facts import SongFacts

__all__ = [
    "Demands",
    "Finding",
    "Severity",
    "SongFacts",
    "examine_songs",
    "judge",
    "near_work",
    "stated_seconds",
    "write_check",
]
