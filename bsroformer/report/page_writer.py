"""What the pages have in common: templates, tiles, reading what may be missing or damaged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from bsroformer.atomic import write_text
from bsroformer.errors import InputError
from bsroformer.figures.style import DARK, LIGHT
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
    page = _environment().get_template(template).render(light=LIGHT, dark=DARK, **contents)
    write_text(path, page)


@cache
def _environment() -> Environment:
    def source(name: str) -> str:
        return files("bsroformer.report").joinpath(name).read_text("utf-8")

    loader = FunctionLoader(source)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def mapping_in(path: Path, reader: Callable[[Path], Any]) -> dict[str, Any]:
    """The mapping that a file holds; an empty one where it is missing or damaged, since the rest can be shown."""
    if not path.exists():
        return {}
    try:
        tree = reader(path)
    except InputError:
        return {}
    return tree if isinstance(tree, dict) else {}


def text_of(path: Path) -> str:
    """What is in a file; nothing if it is not there, or damaged."""
    try:
        return read_text(path, RECORDS) if path.exists() else ""
    except InputError:
        return ""


def counted(number: int, thing: str) -> str:
    """A number of things in words: ``1 song``, ``2 songs``."""
    return f"{number:,} {thing}{'s' * (number != 1)}"
