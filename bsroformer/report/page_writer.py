"""Writing of pages from templates and from files that may be missing."""

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
from bsroformer.report.html_cells import cell_note, cell_text, is_strong
from bsroformer.safe_files import RECORDS, read_text

REPORT = "report.html"
"""File name of a page in the folder that it shows."""


@dataclass(frozen=True)
class Tile:
    """A headline number with its unit, name and a note."""

    value: str
    unit: str
    name: str
    note: str = ""


def write_page(path: Path, template: str, contents: Mapping[str, Any]) -> None:
    """Fill in a template of this package.

    Args:
        path: The page.
        template: Name of the template.
        contents: Values of its variables.

    Raises:
        InputError: If the page cannot be written.
    """
    page = _environment().get_template(template).render(light=LIGHT, dark=DARK, **contents)
    write_text(path, page)


@cache
def _environment() -> Environment:
    def source(name: str) -> str:
        return files("bsroformer.report").joinpath(name).read_text("utf-8")

    environment = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (cell_text, cell_note, is_strong):
        environment.filters[function.__name__] = function
    return environment


def mapping_in(path: Path, reader: Callable[[Path], Any]) -> dict[str, Any]:
    """Read the mapping in a file.

    It is empty if the file is missing or damaged, so that other parts are shown.
    """
    if not path.exists():
        return {}
    try:
        tree = reader(path)
    except InputError:
        return {}
    return tree if isinstance(tree, dict) else {}


def text_of(path: Path) -> str:
    """Read a text file; empty if it is missing or damaged."""
    try:
        return read_text(path, RECORDS) if path.exists() else ""
    except InputError:
        return ""
