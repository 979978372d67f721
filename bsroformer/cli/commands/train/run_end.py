"""Record the end of a training: status, report, and the page of all runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.run_facts import record_end
from bsroformer.cli.commands.train.runs_index import only_warned, update_runs_page
from bsroformer.report.run_status import FAILED, FINISHED, STOPPED
from bsroformer.training.callbacks.report import Report
from bsroformer.training.run_clock import out_of_time


@contextmanager
def end_recorded(cfg: TrainConfig, trainer: L.Trainer) -> Iterator[None]:
    """Record the end of the training in this context.

    No error of the recording can make the training fail.
    """
    end = FAILED
    try:
        yield
        end = FINISHED if out_of_time(trainer) is None else STOPPED
    except (SystemExit, KeyboardInterrupt):  # asked to, by a signal
        end = STOPPED
        raise
    finally:
        folder = cfg.paths.output_dir
        with only_warned():
            record_end(folder, end, trainer.global_step)
        with only_warned():
            renew_report(trainer)
        update_runs_page(cfg, folder)


def renew_report(trainer: L.Trainer) -> None:
    """Write the run's report again, if the run has one."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Report):
            callback.write()
