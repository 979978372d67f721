"""Result of a sweep's job: a small file in its folder.

The sweep's table and the job's siblings read it.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from bsroformer.atomic import write_text
from bsroformer.errors import InputError
from bsroformer.report.monitor import LEGACY_MONITOR
from bsroformer.safe_files import CONFIGURATION, read_json

RESULT_FILE = "result.json"
LEGACY_SCORE = "si_sdr"
"""The only score, and its key, before there was a choice."""
Status = Literal["done", "pruned", "unfinished", "failed"]


@dataclass(frozen=True)
class Result:
    """A job of a sweep.

    Attributes:
        status: How it ended: ``done``, ``pruned``, ``failed``; ``unfinished`` while it runs or after an interruption.
        overrides: The job's own command line, each as ``key=value``.
        score: Its best score in validation; None without one.
        seconds: How long it took; None until it ends.
        reason: Why it failed, in a sentence.
        monitor: Name of the score.
    """

    status: Status = "unfinished"
    overrides: tuple[str, ...] = ()
    score: float | None = None
    seconds: float | None = None
    reason: str = ""
    monitor: str = LEGACY_MONITOR


RESULT = TypeAdapter(Result)


def read_result(folder: Path) -> Result | None:
    """Read the result in a job's folder; None without one.

    A damaged file is an unfinished job with a reason.
    """
    path = folder / RESULT_FILE
    if not path.exists():
        return None
    try:
        tree = read_json(path, CONFIGURATION)
        if isinstance(tree, dict) and LEGACY_SCORE in tree:
            tree["score"] = tree.pop(LEGACY_SCORE)
        return RESULT.validate_python(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "all"
        return Result(reason=f"{RESULT_FILE} is damaged: {key}: {first['msg']}")
    except InputError as error:
        return Result(reason=str(error))


def write_result(folder: Path, result: Result) -> None:
    """Write the result into a job's folder, atomically."""
    text = json.dumps(asdict(result), indent=2)
    write_text(folder / RESULT_FILE, text + "\n")


def update_result(folder: Path, **changes: Any) -> None:
    """Change some attributes of a job's result."""
    result = read_result(folder) or Result()
    write_result(folder, replace(result, **changes))
