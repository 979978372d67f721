"""What came of a job of a sweep: a small file in the job's folder, for the sweep's table and for its siblings."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from bsroformer.atomic import write_text
from bsroformer.errors import InputError
from bsroformer.report.monitor import FORMER
from bsroformer.safe_files import CONFIGURATION, read_json

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


RESULT = TypeAdapter(Result)


def read_result(folder: Path) -> Result | None:
    """The result in a job's folder; None if there is none, and an unfinished one with the reason if it is damaged."""
    if not (folder / FILE).exists():
        return None
    try:
        tree = read_json(folder / FILE, CONFIGURATION)
        if isinstance(tree, dict) and "si_sdr" in tree:  # as written before there was a choice
            tree["score"] = tree.pop("si_sdr")
        return RESULT.validate_python(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "all"
        return Result(reason=f"{FILE} is damaged: {key}: {first['msg']}")
    except InputError as error:
        return Result(reason=str(error))


def write_result(folder: Path, result: Result) -> None:
    """Write the result into a job's folder, as a whole or not at all."""
    path = folder / FILE
    write_text(path, json.dumps(asdict(result), indent=2) + "\n")


def update_result(folder: Path, **changes: Any) -> None:
    """Change some of a result's attributes."""
    write_result(folder, replace(read_result(folder) or Result(), **changes))
