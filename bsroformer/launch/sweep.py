"""A sweep (``-m``) as a whole: what is looked at before its first job, and the table of its jobs."""

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from bsroformer.atomic import replacing, write_text, writing
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.launch.config import refuse_many_processes
from bsroformer.launch.errors import user_errors
from bsroformer.launch.terminal import clock, terminal
from bsroformer.report import markdown as tables
from bsroformer.report.metrics_csv import read_rows
from bsroformer.report.monitor import FORMER_MONITOR, Monitor, monitor_of
from bsroformer.run_folder import RunFolder
from bsroformer.training.sweep.job_result import RESULT_FILE, Result, read_result, write_result

FAILED = 1
"""Exit status of a sweep in which a job failed."""
ORDER = ("done", "pruned", "unfinished", "failed")
"""Of statuses in the table, among jobs without a score."""
COLUMNS = ("steps", "seconds", "status", "reason")
"""Of the table, after the job's settings and its score."""


class SweepTable(Callback):
    """Writes ``sweep.csv`` and ``sweep.md`` into the sweep's folder after each job, and prints the table at the end.

    Hydra calls the methods for a job in the job's own process, wherever the launcher put that; jobs and table
    therefore meet in the folders of the jobs only.
    """

    def __init__(self) -> None:
        self.varied: list[str] = []

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Refuse what cannot work in any job, before the first one."""
        user_errors(check_sweep)(config)
        self.varied = varied_keys(config)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Note the job, so that the table has it even if it is cut off."""
        if self.varied:
            write_result(Path(config.hydra.runtime.output_dir), Result(overrides=tuple(config.hydra.overrides.task)))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Write the table as it is by now."""
        if self.varied:
            write_tables(Path(config.hydra.sweep.dir), self.varied, monitor_of(config))

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Write and print the table; exit with status 1 if a job failed."""
        folder, monitor = Path(config.hydra.sweep.dir), monitor_of(config)
        rows = write_tables(folder, self.varied, monitor)
        console = terminal()
        console.print("\n" + markdown(rows, self.varied, monitor) + f"\nThe table is in {folder / 'sweep.csv'}")
        if failed := sum(row["status"] == "failed" for row in rows):
            console.print(f"{failed} of {len(rows)} jobs failed: the table tells why.")
            sys.exit(FAILED)


def check_sweep(config: DictConfig) -> None:
    """Refuse what cannot work in any job of a sweep.

    Raises:
        InputError: If each job would be several processes, or a package is missing.
    """
    refuse_many_processes(config)
    if "monitor" in varied_keys(config):
        raise InputError("a sweep compares its jobs by one score: give monitor one value")
    folder = Path(config.hydra.sweep.dir)
    if config.get("resume") is None and any(folder.glob(f"*/{RESULT_FILE}")):
        raise InputError(
            f"{folder} holds a sweep already: resume=auto goes on with its jobs; give another paths.output_dir"
        )
    for part in ("launcher", "sweeper"):
        module = config.hydra[part]._target_.rpartition(".")[0]
        if not installed(module):
            raise InputError(
                f"hydra/{part}={config.hydra.runtime.choices[f'hydra/{part}']} needs a package that is not "
                f"installed: {install_command('sweep')}"
            )


def installed(module: str) -> bool:
    """Whether there is such a module."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor the package that would hold it
        return False


def varied_keys(config: DictConfig) -> list[str]:
    """The keys whose values the jobs of a sweep differ in: of the command line, and of the sweeper's own settings."""
    overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    keys = [override.get_key_element() for override in overrides if override.is_sweep_override()]
    return list(dict.fromkeys([*keys, *(config.hydra.sweeper.get("params") or {})]))


def write_tables(sweep: Path, varied: Sequence[str], monitor: Monitor = FORMER_MONITOR) -> list[dict[str, Any]]:
    """Write what the jobs' folders hold into ``sweep.csv`` and ``sweep.md``; returns the rows."""
    rows = table_rows(sweep, varied, monitor)
    with (
        replacing(sweep / "sweep.csv") as partial,
        writing(sweep),
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, ["job", *varied, monitor.name, *COLUMNS])
        writer.writeheader()
        writer.writerows(rows)
    write_text(sweep / "sweep.md", markdown(rows, varied, monitor))
    return rows


def table_rows(sweep: Path, varied: Sequence[str], monitor: Monitor = FORMER_MONITOR) -> list[dict[str, Any]]:
    """A row for each job of a sweep, the best first, and those without a score last."""
    folders = [path.parent for path in sweep.glob(f"*/{RESULT_FILE}")]
    rows = [table_row(folder, result, varied, monitor) for folder in folders if (result := read_result(folder))]
    return sorted(rows, key=lambda row: rank(row, monitor))


def rank(row: Mapping[str, Any], monitor: Monitor) -> tuple[float, int, str]:
    """Key to sort rows by: score, then status, then job."""
    score = row[monitor.name]
    gain = -math.inf if score is None else monitor.gain(score)
    return (-gain, ORDER.index(row["status"]), row["job"].zfill(9))


def table_row(folder: Path, result: Result, varied: Sequence[str], monitor: Monitor) -> dict[str, Any]:
    """Row of a job; without a score if the job was judged by another one."""
    values = dict(override.lstrip("+").split("=", 1) for override in result.overrides if "=" in override)
    curves = RunFolder(folder).metrics
    return {
        "job": folder.name,
        **{key: values.get(key.lstrip("+"), "") for key in varied},
        monitor.name: result.score if result.monitor == monitor.name else None,
        "steps": max(read_rows(curves), default=None) if curves.is_file() else None,
        "seconds": None if result.seconds is None else round(result.seconds, 1),
        "status": result.status,
        "reason": result.reason,
    }


def markdown(rows: Sequence[Mapping[str, Any]], varied: Sequence[str], monitor: Monitor = FORMER_MONITOR) -> str:
    """The table in Markdown; its last column has the job's status and, if it failed, the reason."""
    lines = []
    for row in rows:
        score, steps, seconds = row[monitor.name], row["steps"], row["seconds"]
        cells = (
            row["job"],
            *(short(row[key]) for key in varied),
            "" if score is None else score,
            "" if steps is None else steps,
            "" if seconds is None else clock(seconds),
            ": ".join(filter(None, (row["status"], row["reason"]))),
        )
        lines.append(cells)
    heading = f"{monitor.label}{' dB' * (monitor.mode == 'max')}"
    return tables.markdown(["job", *varied, heading, "steps", "time", "status"], lines) + "\n"


def short(value: str) -> str:
    """A number of the command line with four digits at most; any other value as it is."""
    try:
        return f"{float(value):.4g}" if "." in value else value
    except ValueError:
        return value
