"""Figures of finished trainings, in a file that an interrupted benchmark resumes from."""

import json
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from benchmarks.comparison import Figures
from bsroformer.atomic import write_text
from bsroformer.errors import InputError
from bsroformer.safe_files import RECORDS, read_text


@dataclass(frozen=True)
class FinishedRun:
    """A finished training.

    Attributes:
        key: Digest of its settings; see `digest`.
        change: Name of the change of the recipe.
        words: Words of the change.
        seed: Seed of weights and excerpts.
        figures: Its figures.
    """

    key: str
    change: str
    words: list[str]
    seed: int
    figures: dict[str, int | float]


LINE = TypeAdapter(FinishedRun)


class FinishedRuns:
    """A file of finished trainings, one JSON object a line.

    Args:
        path: The file, which need not exist.
        names: Names of the figures of each.
    """

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self.path = path
        self.names = names

    def figures(self) -> dict[str, Figures]:
        """Read the figures by key.

        Raises:
            InputError: If a line is damaged, or the file cannot be read.
        """
        lines = self._text().splitlines()
        runs = [self._parse(line, number) for number, line in enumerate(lines, start=1)]
        return {run.key: run.figures for run in runs}

    def add(self, run: FinishedRun) -> None:
        """Append a line; the file is complete at any time.

        Raises:
            InputError: If it cannot be written.
        """
        write_text(self.path, f"{self._text()}{json.dumps(asdict(run))}\n")

    def _text(self) -> str:
        return read_text(self.path, RECORDS) if self.path.exists() else ""

    def _parse(self, line: str, number: int) -> FinishedRun:
        try:
            run = LINE.validate_json(line)
        except ValidationError as error:
            raise self._damaged(number) from error
        if run.figures.keys() != set(self.names):
            raise self._damaged(number)
        return run

    def _damaged(self, number: int) -> InputError:
        return InputError(
            f"{self.path}: line {number} is damaged; remove the line, or the file to train everything again"
        )


def digest(settings: dict[str, Any]) -> str:
    """Return a digest of plain settings, the same for the same values."""
    text = json.dumps(settings, sort_keys=True)
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
