"""What came of a job of a sweep: a small file in the job's folder, for the sweep's table and for its siblings."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bsroformer.atomic import write_text
from bsroformer.report.monitor import FORMER

FILE = "result.json"
Status = Literal["done", "pruned", "unfinished", "failed"]


@dataclass(frozen=True)
class Result:
    """A job of a sweep.

    Attributes:
        status: How it ended: ``done``, ``pruned``, ``failed``; ``unfinished`` while it runs or if it was cut off.
        overrides: The job's own command line, each as ``key=value``.
        score: Its best score in validation; None if it has none.
        seconds: How long it took; None until it ends.
        reason: Why it failed, in a sentence.
        monitor: Name of the score.
    """

    status: Status = "unfinished"
    overrides: tuple[str, ...] = ()
    score: float | None = None
    seconds: float | None = None
    reason: str = ""
    monitor: str = FORMER


def read_result(folder: Path) -> Result | None:
    """The result in a job's folder; None if there is none."""
    try:
        tree: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    if "si_sdr" in tree:  # as written before there was a choice
        tree["score"] = tree.pop("si_sdr")
    return Result(**tree | {"overrides": tuple(tree["overrides"])})


def write_result(folder: Path, result: Result) -> None:
    """Write the result into a job's folder, as a whole or not at all."""
    path = folder / FILE
    write_text(path, json.dumps(asdict(result), indent=2) + "\n")


def update_result(folder: Path, **changes: Any) -> None:
    """Change some of a result's attributes."""
    write_result(folder, replace(read_result(folder) or Result(), **changes))
