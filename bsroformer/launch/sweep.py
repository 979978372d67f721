"""A sweep (``-m``) as a whole: what is looked at before its first job, and the table of its jobs."""

import csv
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
from bsroformer.report.rows import SCORE, read_rows
from bsroformer.training.prune import CURVES
from bsroformer.training.result import FILE, Result, read_result, write_result

FAILED = 1
"""Exit status of a sweep in which a job failed."""
ORDER = ("done", "pruned", "unfinished", "failed")
"""Of statuses in the table, among jobs without a score."""
COLUMNS = (SCORE, "steps", "seconds", "status", "reason")


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
            write_tables(Path(config.hydra.sweep.dir), self.varied)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Write and print the table; exit with status 1 if a job failed."""
        folder = Path(config.hydra.sweep.dir)
        rows = write_tables(folder, self.varied)
        console = terminal()
        console.print("\n" + markdown(rows, self.varied) + f"\nThe table is in {folder / 'sweep.csv'}")
        if failed := sum(row["status"] == "failed" for row in rows):
            console.print(f"{failed} of {len(rows)} jobs failed: the table tells why.")
            sys.exit(FAILED)


def check_sweep(config: DictConfig) -> None:
    """Refuse what cannot work in any job of a sweep.

    Raises:
        InputError: If each job would be several processes, or a package is missing.
    """
    refuse_many_processes(config)
    folder = Path(config.hydra.sweep.dir)
    if config.get("resume") is None and any(folder.glob(f"*/{FILE}")):
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


def write_tables(sweep: Path, varied: Sequence[str]) -> list[dict[str, Any]]:
    """Write what the jobs' folders hold into ``sweep.csv`` and ``sweep.md``; returns the rows."""
    rows = table_rows(sweep, varied)
    with (
        replacing(sweep / "sweep.csv") as partial,
        writing(sweep),
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, ["job", *varied, *COLUMNS])
        writer.writeheader()
        writer.writerows(rows)
    write_text(sweep / "sweep.md", markdown(rows, varied))
    return rows


def table_rows(sweep: Path, varied: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each job of a sweep, the best first, and those without a score last."""
    folders = [path.parent for path in sweep.glob(f"*/{FILE}")]
    rows = [table_row(folder, result, varied) for folder in folders if (result := read_result(folder))]
    return sorted(rows, key=place)


def place(row: Mapping[str, Any]) -> tuple[float, int, str]:
    """Where a row stands: by score, then by status, then by job."""
    score = row["val/si_sdr"]
    return (float("inf") if score is None else -score, ORDER.index(row["status"]), row["job"].zfill(9))


def table_row(folder: Path, result: Result, varied: Sequence[str]) -> dict[str, Any]:
    """What is told of a job."""
    values = dict(override.lstrip("+").split("=", 1) for override in result.overrides if "=" in override)
    curves = folder / CURVES
    return {
        "job": folder.name,
        **{key: values.get(key.lstrip("+"), "") for key in varied},
        "val/si_sdr": result.si_sdr,
        "steps": max(read_rows(curves), default=None) if curves.is_file() else None,
        "seconds": None if result.seconds is None else round(result.seconds, 1),
        "status": result.status,
        "reason": result.reason,
    }


def markdown(rows: Sequence[Mapping[str, Any]], varied: Sequence[str]) -> str:
    """The table in Markdown; its last column tells how a job ended and, if it failed, why."""
    lines = []
    for row in rows:
        score, steps, seconds = row[SCORE], row["steps"], row["seconds"]
        cells = (
            row["job"],
            *(short(row[key]) for key in varied),
            "" if score is None else score,
            "" if steps is None else steps,
            "" if seconds is None else clock(seconds),
            ": ".join(filter(None, (row["status"], row["reason"]))),
        )
        lines.append(cells)
    return tables.markdown(["job", *varied, "SI-SDR dB", "steps", "time", "status"], lines) + "\n"


def short(value: str) -> str:
    """A number of the command line with four digits at most; any other value as it is."""
    try:
        return f"{float(value):.4g}" if "." in value else value
    except ValueError:
        return value
