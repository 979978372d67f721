"""Score a separator on songs whose stems are known: songs in, one table of decibels out.

``evaluate`` separates and scores one song at a time; ``Evaluation`` holds the scores and averages them;
``report`` writes them as a table, JSON and CSV; ``figures`` draws them.
"""

from bsroformer.evaluation.evaluate import evaluate, score_song
from bsroformer.evaluation.figures import scores_figure
from bsroformer.evaluation.report import scores_table, write_csv, write_figure, write_json
from bsroformer.evaluation.scores import Evaluation, Scores, SongScores

__all__ = [
    "Evaluation",
    "Scores",
    "SongScores",
    "evaluate",
    "score_song",
    "scores_figure",
    "scores_table",
    "write_csv",
    "write_figure",
    "write_json",
]
