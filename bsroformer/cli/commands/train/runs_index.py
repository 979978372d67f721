"""``index.html`` of ``paths.runs_dir``, updated when a run or evaluation ends."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bsroformer.cli.schemas.config import Config
from bsroformer.report.runs_page import write_runs_page


def update_runs_page(cfg: Config, folder: Path) -> None:
    """Update ``index.html`` of ``paths.runs_dir`` if it contains `folder`."""
    runs = cfg.paths.runs_dir
    with only_warned():
        if folder.resolve().is_relative_to(runs.resolve()):
            write_runs_page(runs)


@contextmanager
def only_warned() -> Iterator[None]:
    """Turn any error into a warning: a page must not end a training."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"A page of the run was not written: {error}", stacklevel=3)
