"""A run folder as one page to look at, listen to and pass on."""

from bsroformer.report.page import write_report

__all__ = ["write_report"]
