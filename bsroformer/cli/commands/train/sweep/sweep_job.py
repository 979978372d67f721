"""One training of a sweep (``-m``)."""

import functools
import math
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from bsroformer.cli.errors import is_user_error, one_sentence, report

Script = Callable[[DictConfig], Any]


def sweep_job(script: Script) -> Script:
    """Let a job of a sweep fail on its own.

    The error is printed and recorded in the job's folder, the job has no score, and the sweep continues.

    Errors that end all jobs, such as Ctrl-C, pass. Outside of a sweep nothing changes.
    """

    @functools.wraps(script)
    def job(cfg: DictConfig) -> Any:
        folder = job_folder()
        if folder is None:
            return script(cfg)
        from bsroformer.report.monitor import monitor_of  # PyTorch takes seconds to be imported
        from bsroformer.training.sweep.job_result import read_result, update_result

        start = time.monotonic()
        try:
            score = script(cfg)
        except Exception as error:
            report_failure(error)
            update_result(folder, status="failed", reason=reason(error), seconds=time.monotonic() - start)
            return None  # for Optuna a failed trial; NaN would end the search
        result = read_result(folder)
        is_pruned = result is not None and result.status == "pruned"
        status = "pruned" if is_pruned else "done"
        best = None if score is None or math.isnan(score) else score
        seconds = time.monotonic() - start
        update_result(folder, status=status, score=best, monitor=monitor_of(cfg).name, seconds=seconds)
        return best

    return job


def job_folder() -> Path | None:
    """Return the folder of this job of a sweep; None outside of a sweep."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().runtime.output_dir)


def report_failure(error: Exception) -> None:
    """Report an error: a sentence if the user can fix it, else the traceback."""
    if is_user_error(error):
        report(error)
    else:
        traceback.print_exception(error)


def reason(error: Exception) -> str:
    """Format an error as one line for a table."""
    sentence = one_sentence(error) if is_user_error(error) else f"{type(error).__name__}: {error}"
    return " ".join(sentence.split())
