"""What the pages have in common: templates, tiles, facts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from bsroformer.atomic import write_text
from bsroformer.errors import InputError
from bsroformer.figures.style import STEM_COLOURS
from bsroformer.safe_files import RECORDS, read_text

REPORT = "report.html"
"""What a page is called in the folder that it shows."""


@dataclass(frozen=True)
class Tile:
    """A number to see first, with what it counts and a note."""

    value: str
    unit: str
    name: str
    note: str = ""


def write_page(path: Path, template: str, contents: Mapping[str, Any]) -> None:
    """Fill in a template of this folder.

    Args:
        path: The page.
        template: Name of the template.
        contents: What it asks for.

    Raises:
        InputError: If the page cannot be written.
    """
    page = _environment().get_template(template).render(colours=STEM_COLOURS, **contents)
    write_text(path, page)


@cache
def _environment() -> Environment:
    def source(name: str) -> str:
        return files("bsroformer.report").joinpath(name).read_text("utf-8")

    loader = FunctionLoader(source)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def facts(tree: Mapping[str, Any], above: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """The leaves of a tree, each with its keys in words: ``git.commit`` is ``git commit``."""
    for key, value in tree.items():
        path = (*above, str(key).replace("_", " "))
        if isinstance(value, Mapping):
            yield from facts(value, path)
        elif value is not None:
            listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield " ".join(path), listed


def text_of(path: Path) -> str:
    """What is in a file; nothing if it is not there, or damaged."""
    try:
        return read_text(path, RECORDS) if path.exists() else ""
    except InputError:
        return ""


def counted(number: int, thing: str) -> str:
    """A number of things in words: ``1 song``, ``2 songs``."""
    return f"{number:,} {thing}{'s' * (number != 1)}"
