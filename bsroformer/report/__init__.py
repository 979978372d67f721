"""Pages of runs and evaluations, each one file with scores, plots and sounds."""

from bsroformer.report.evaluation_page import write_evaluation_report
from bsroformer.report.run_page import write_report

__all__ = ["write_evaluation_report", "write_report"]
