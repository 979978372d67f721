"""A sweep (``-m``): checks before its first job, and the table of its jobs."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from bsroformer.cli.console import terminal
from bsroformer.cli.errors import user_errors
from bsroformer.cli.exit_status import EXIT_FAILED
from bsroformer.cli.resolved_config import refuse_many_processes
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.text import count


class SweepTable(Callback):
    """Write ``sweep.csv`` and ``sweep.md`` after each job; print the table at the end.

    Hydra calls the methods for a job in the job's own process, wherever the launcher put that; jobs and table
    therefore meet in the folders of the jobs only.
    """

    def __init__(self) -> None:
        self.varied: list[str] = []

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check the sweep before its first job."""
        user_errors(check_sweep)(config)
        self.varied = varied_keys(config)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Record the job, so that the table lists it even if it is killed."""
        if self.varied:
            from bsroformer.training.sweep.job_result import (  # PyTorch takes seconds to be imported
                Result,
                write_result,
            )

            write_result(Path(config.hydra.runtime.output_dir), Result(overrides=tuple(config.hydra.overrides.task)))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Update the table."""
        if self.varied:
            from bsroformer.cli.commands.train.sweep.sweep_table import write_tables
            from bsroformer.report.monitor import monitor_of

            write_tables(Path(config.hydra.sweep.dir), self.varied, monitor_of(config))

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Write and print the table; exit with status 1 if a job failed."""
        from bsroformer.cli.commands.train.sweep.sweep_table import markdown, write_tables
        from bsroformer.report.monitor import monitor_of

        folder = Path(config.hydra.sweep.dir)
        monitor = monitor_of(config)
        rows = write_tables(folder, self.varied, monitor)
        console = terminal()
        console.print("\n" + markdown(rows, self.varied, monitor) + f"\nThe table is in {folder / 'sweep.csv'}")
        failed = [row for row in rows if row["status"] == "failed"]
        if failed:
            console.print(f"{len(failed)} of {count(len(rows), 'job')} failed; the table has the reasons.")
            sys.exit(EXIT_FAILED)


def check_sweep(config: DictConfig) -> None:
    """Check a sweep for faults that every job would have.

    Raises:
        InputError: If each job would be several processes, or a package is missing.
    """
    from bsroformer.training.sweep.job_result import RESULT_FILE

    refuse_many_processes(config)
    if "monitor" in varied_keys(config):
        raise InputError("monitor has several values, but a sweep compares its jobs by one; give monitor one value")
    folder = Path(config.hydra.sweep.dir)
    if config.get("resume") is None and any(folder.glob(f"*/{RESULT_FILE}")):
        raise InputError(
            f"{folder} holds a sweep already; resume=auto resumes its jobs, or give another paths.output_dir"
        )
    for part in ("launcher", "sweeper"):
        module = config.hydra[part]._target_.rpartition(".")[0]
        if not installed(module):
            choice = config.hydra.runtime.choices[f"hydra/{part}"]
            raise InputError(f"hydra/{part}={choice} needs a package that is not installed; {install_command('sweep')}")


def installed(module: str) -> bool:
    """Return whether a module is installed."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its package is missing too
        return False


def varied_keys(config: DictConfig) -> list[str]:
    """List the keys that a sweep varies, including the sweeper's own settings."""
    overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    keys = [override.get_key_element() for override in overrides if override.is_sweep_override()]
    keys += config.hydra.sweeper.get("params") or {}
    return list(dict.fromkeys(keys))
