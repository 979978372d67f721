"""Score a separator on songs whose stems are known: songs in, one table of decibels out.

``Evaluation`` holds the scores of a method and averages them; ``Results`` holds several methods, with confidence
intervals and differences; ``tables`` shows them, ``files`` writes them as JSON, CSV and Markdown, ``figures`` draws
them.
"""

from bsroformer.evaluation.figures import box_figure, scores_figure, write_box_figures
from bsroformer.evaluation.files import write_csv, write_figure, write_json, write_markdown
from bsroformer.evaluation.results import Failure, Results
from bsroformer.evaluation.scores import Evaluation, Scores, SongScores
from bsroformer.evaluation.tables import differences_table, results_table, running_table

__all__ = [
    "Evaluation",
    "Failure",
    "Results",
    "Scores",
    "SongScores",
    "box_figure",
    "differences_table",
    "results_table",
    "running_table",
    "scores_figure",
    "write_box_figures",
    "write_csv",
    "write_figure",
    "write_json",
    "write_markdown",
]
