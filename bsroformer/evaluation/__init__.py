"""Score separators, and stems that any program made, on songs whose stems are known.

`evaluate` does it in one call. ``methods`` are what is scored: models, folders of stems (``estimates``), the mixture,
and oracles (``oracle``); ``line_up`` finds the stems that they share; ``evaluator`` runs methods over songs;
``score_song`` scores one, ``kept`` keeps its scores; ``scores`` averages them, ``results`` and ``bootstrap`` compare
methods; ``tables``, ``files`` and ``figures`` show it, and ``gallery`` keeps what ``report.html`` plays.
"""

from bsroformer.evaluation.evaluate import begin, evaluate, evaluator_of, needs_museval, with_stems_kept
from bsroformer.evaluation.evaluator import Evaluator
from bsroformer.evaluation.figures import box_figure, scores_figure, write_box_figures
from bsroformer.evaluation.files import write_csv, write_figure, write_json, write_markdown
from bsroformer.evaluation.line_up import Candidate
from bsroformer.evaluation.results import Failure, Results
from bsroformer.evaluation.scores import Evaluation, Scores, SongScores
from bsroformer.evaluation.song_audio import SongAudio, SongEntry, read_song, songs_in
from bsroformer.evaluation.stems_writer import StemsWriter
from bsroformer.evaluation.tables import differences_table, results_table, running_table
from bsroformer.evaluation.write import write_results

__all__ = [
    "Candidate",
    "Evaluation",
    "Evaluator",
    "Failure",
    "Results",
    "Scores",
    "SongAudio",
    "SongEntry",
    "SongScores",
    "StemsWriter",
    "begin",
    "box_figure",
    "differences_table",
    "evaluate",
    "evaluator_of",
    "needs_museval",
    "read_song",
    "results_table",
    "running_table",
    "scores_figure",
    "songs_in",
    "with_stems_kept",
    "write_box_figures",
    "write_csv",
    "write_figure",
    "write_json",
    "write_markdown",
    "write_results",
]
