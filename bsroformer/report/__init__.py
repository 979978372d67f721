"""A run or an evaluation as one page to look at, listen to and pass on."""

from bsroformer.report.evaluation_page import write_evaluation_report
from bsroformer.report.run_page import write_report

__all__ = ["write_evaluation_report", "write_report"]
