"""``index.html`` of ``paths.runs_dir``, written again when something in there has ended."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bsroformer.cli.schemas.config import Config
from bsroformer.report.runs_page import write_runs_page


def update_runs_page(cfg: Config, folder: Path) -> None:
    """Write ``index.html`` in ``paths.runs_dir`` again, if a run's or an evaluation's folder is in there."""
    runs = cfg.paths.runs_dir
    with only_warned():
        if folder.resolve().is_relative_to(runs.resolve()):
            write_runs_page(runs)


@contextmanager
def only_warned() -> Iterator[None]:
    """Turn any error into a warning: a page is worth no training."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"A page of the run was not written: {error}", stacklevel=3)
