"""Writing of all results of an evaluation: files, plots and report."""

from pathlib import Path

from bsroformer.evaluation.box_plots import write_box_figures
from bsroformer.evaluation.result_files import write_csv, write_json, write_markdown
from bsroformer.evaluation.results import Results
from bsroformer.report.evaluation_page import write_evaluation_report


def write_results(results: Results, folder: Path) -> None:
    """Write all results of an evaluation into its folder.

    They are ``results.json``, ``.csv`` and ``.md``, ``plots/<metric>.png`` and ``.svg``, and ``report.html``.

    The report shows the excerpts in the folder.

    Raises:
        InputError: If they cannot be written.
    """
    write_json(results, folder / "results.json")
    write_csv(results, folder / "results.csv")
    write_markdown(results, folder / "results.md")
    plots = write_box_figures(results, folder / "plots")
    for path in (folder / "plots").glob("*"):
        if path.suffix in (".png", ".svg") and path not in plots:
            path.unlink()  # of an earlier evaluation in this folder
    write_evaluation_report(folder)
