"""``report.html``: how a run went, on one page that is one file; whoever has it needs nothing else."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, Template

from bsroformer.atomic import replacing
from bsroformer.figures.style import STEM_COLOURS
from bsroformer.report.media import picture, sound
from bsroformer.report.rows import SCORE, Row, read_rows
from bsroformer.report.tables import decibels, evaluation_table, latest_and_best, songs_table, validation_table

REPORT = "report.html"


@dataclass(frozen=True)
class Tile:
    """A number to see first, with what it counts and a note."""

    value: str
    unit: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class Example:
    """What can be heard of a stem: sources of players, None where there is none."""

    stem: str
    target: str | None
    estimate: str | None


def write_report(folder: Path) -> None:
    """Write ``report.html`` into the folder of a run, from what is there by now.

    It shows ``metrics.csv``, ``curves.png``, the latest of ``previews/``, ``scores.json`` and ``scores.png`` of a
    closing evaluation, ``run.json`` and ``config.yaml``; what is missing is left out.

    Raises:
        InputError: If the folder cannot be written.
    """
    page = _template().render(**contents(folder))
    with replacing(folder / REPORT) as partial:
        partial.write_text(page, encoding="utf-8")


@cache
def _template() -> Template:
    source = files("bsroformer.report").joinpath("page.html").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)


def contents(folder: Path) -> dict[str, Any]:
    """What the page's template asks for."""
    config = _text(folder / "config.yaml")
    settings = yaml.safe_load(config) or {}
    rows = read_rows(folder / "metrics.csv") if (folder / "metrics.csv").is_file() else {}
    scores = json.loads(_text(folder / "scores.json") or "null")
    stems = list((settings.get("model") or {}).get("stems") or stems_of(rows))
    step, preview = latest_preview(folder)
    return {
        "title": folder.resolve().name,
        "colours": STEM_COLOURS,
        "subtitle": _subtitle(settings, stems),
        "tiles": list(tiles(rows, scores)),
        "steps": latest_and_best(rows),
        "validation": validation_table(rows, stems),
        "curves": picture(folder / "curves.png"),
        "evaluation": scores and evaluation_table(scores),
        "songs": scores and songs_table(scores),
        "scores": scores and picture(folder / "scores.png"),
        "preview_step": step,
        "mixture": sound(folder / "previews" / "mixture.wav"),
        "examples": [
            Example(stem, sound(folder / "previews" / "target" / f"{stem}.wav"), sound(preview / f"{stem}.wav"))
            for stem in (stems if step is not None else ())
        ],
        "spectrograms": picture(preview / "spectrograms.png"),
        "facts": list(facts(json.loads(_text(folder / "run.json") or "{}"))),
        "config": config,
    }


def stems_of(rows: Mapping[int, Row]) -> list[str]:
    """The stems that have scores, where no configuration names them."""
    names = {name for row in rows.values() for name in row}
    return sorted(name.removeprefix(f"{SCORE}_") for name in names if name.startswith(f"{SCORE}_"))


def latest_preview(folder: Path) -> tuple[int | None, Path]:
    """The step of the latest preview, and its folder; None where there is none yet."""
    previews = folder / "previews"
    steps = {
        int(match[1]): path for path in previews.glob("step-*") if (match := re.fullmatch(r"step-(\d+)", path.name))
    }
    return (max(steps), steps[max(steps)]) if steps else (None, previews)


def tiles(rows: Mapping[int, Row], scores: Mapping[str, Any] | None) -> Iterator[Tile]:
    """The numbers to see first."""
    if scores:
        songs = len(scores["songs"])
        note = f"mean of {songs} song{'s' * (songs != 1)}"
        yield Tile(decibels(scores["mean"]["SI-SDR"]), "dB", "test SI-SDR", note)
    if found := latest_and_best(rows):
        yield Tile(decibels(rows[found[1]][SCORE]), "dB", "validation SI-SDR", f"the best, at step {found[1]:,}")
    if rows:
        yield Tile(f"{max(rows):,}", "", "steps")
    if (speed := _last(rows, "train/audio_seconds_per_second")) is not None:
        yield Tile(f"{speed:.3g}", "×", "real time", "audio trained on per second")
    if (memory := _last(rows, "train/memory_gib")) is not None:
        yield Tile(f"{memory:.2f}", "GiB", "memory", "at the peak")


def facts(tree: Mapping[str, Any], above: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """The leaves of a tree, each with its keys in words: ``git.commit`` is ``git commit``."""
    for key, value in tree.items():
        path = (*above, str(key).replace("_", " "))
        if isinstance(value, Mapping):
            yield from facts(value, path)
        elif value is not None:
            listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield " ".join(path), listed


def _subtitle(settings: Mapping[str, Any], stems: Sequence[str]) -> str:
    """What is separated, in a line."""
    rate = (settings.get("audio") or {}).get("sample_rate")
    seconds = (settings.get("data") or {}).get("seconds")
    parts = [", ".join(stems), rate and f"{rate / 1000:g} kHz", seconds and f"excerpts of {seconds:g} s"]
    return " · ".join(part for part in parts if part)


def _last(rows: Mapping[int, Row], name: str) -> float | None:
    """The latest value of a metric."""
    steps = [step for step, row in rows.items() if name in row]
    return rows[max(steps)][name] if steps else None


def _text(path: Path) -> str:
    """What is in a file; nothing if it is not there."""
    return path.read_text("utf-8") if path.is_file() else ""
