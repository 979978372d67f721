"""Evaluation of separators and of stems from any program, with known true stems.

`evaluate` does it in one call. ``methods`` are models, folders of stems (``estimates``), the mixture and oracles
(``oracle``); ``candidate`` finds their common stems; ``evaluator`` runs methods over tracks; ``score_track`` scores one
with the registry of `bsroformer.metrics`; ``score_cache`` stores its scores; ``scores`` averages them; ``results`` and
``bootstrap`` compare methods; ``terminal_tables``, ``result_files`` and ``box_plots`` show them; ``gallery`` chooses
the excerpts that ``report.html`` plays.
"""

from bsroformer.evaluation.box_plots import box_figure, write_box_figures
from bsroformer.evaluation.candidate import Candidate
from bsroformer.evaluation.evaluate import begin, evaluate, evaluator_of, with_stems_kept, write_results
from bsroformer.evaluation.evaluator import Evaluator
from bsroformer.evaluation.result_files import write_csv, write_figure, write_json, write_markdown
from bsroformer.evaluation.results import Failure, Results
from bsroformer.evaluation.scores import Evaluation, Scores, TrackScores
from bsroformer.evaluation.stems_writer import StemsWriter
from bsroformer.evaluation.terminal_tables import differences_table, results_table, running_table
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry, read_track, songs_in
from bsroformer.metrics import needs_museval

__all__ = [
    "Candidate",
    "Evaluation",
    "Evaluator",
    "Failure",
    "Results",
    "Scores",
    "StemsWriter",
    "TrackAudio",
    "TrackEntry",
    "TrackScores",
    "begin",
    "box_figure",
    "differences_table",
    "evaluate",
    "evaluator_of",
    "needs_museval",
    "read_track",
    "results_table",
    "running_table",
    "songs_in",
    "with_stems_kept",
    "write_box_figures",
    "write_csv",
    "write_figure",
    "write_json",
    "write_markdown",
    "write_results",
]
