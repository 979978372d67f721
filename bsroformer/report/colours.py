"""Colours of an evaluation's page, of stems or of several methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bsroformer.figures.style import LIGHT

FLOOR = "floor"
CEILING = "ceiling"
EVALUATED = ("model", "estimates")
"""Kinds of methods to compare; the others are the floor and the ceiling."""


@dataclass(frozen=True)
class Colours:
    """Names of colours in a page's style sheet.

    Attributes:
        stems: Stem -> number in the palette; None if methods have the colours.
        methods: Method -> number in the palette, ``floor`` or ``ceiling``; None if stems have the colours.
    """

    stems: Mapping[str, str | None]
    methods: Mapping[str, str | None]


def number(n: int) -> str:
    """Name the n-th colour of the palette, which repeats."""
    return str(n % len(LIGHT.palette))


def colours_of(results: Mapping[str, Any]) -> Colours:
    """Assign the colours of an evaluation, from the tree of its ``results.json``."""
    compared = [method["name"] for method in results["methods"] if method["kind"] in EVALUATED]
    several = len(compared) > 1
    stems = {stem: None if several else number(n) for n, stem in enumerate(results["stems"])}
    methods: dict[str, str | None] = {}
    for method in results["methods"]:
        if method["kind"] in EVALUATED:
            methods[method["name"]] = number(compared.index(method["name"])) if several else None
        else:
            methods[method["name"]] = FLOOR if method["kind"] == "mixture" else CEILING
    return Colours(stems, methods)
