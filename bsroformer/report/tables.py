"""The numbers of a run as tables of words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bsroformer.report.rows import SCORE, Row

METRICS = (SCORE, "val/sdr")
NOTHING = "–"


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        name: Its heading.
        cells: Its values.
        stem: Number of the stem that it is about, which has a colour; None for others.
        kind: ``mean`` or ``aside`` (of less weight), else empty.
    """

    name: str
    cells: tuple[str, ...]
    stem: int | None = None
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table: headings of the columns after the first, and lines."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def latest_and_best(rows: Mapping[int, Row]) -> tuple[int, int] | None:
    """The steps of the latest and of the best validation; None before the first that has a score."""
    scored = {step: row[SCORE] for step, row in rows.items() if not math.isnan(row.get(SCORE, math.nan))}
    if not scored:
        return None
    return max(scored), max(scored, key=lambda step: (scored[step], -step))


def validation_table(rows: Mapping[int, Row], stems: Sequence[str]) -> Table | None:
    """SI-SDR and SDR of each stem in the latest and the best validation; None before the first."""
    if (steps := latest_and_best(rows)) is None:
        return None

    def cells(ending: str) -> tuple[str, ...]:
        return tuple(decibels(rows[step].get(metric + ending)) for step in steps for metric in METRICS)

    lines = [Line(stem, cells(f"_{stem}"), n) for n, stem in enumerate(stems)]
    columns = tuple(f"{metric}, {which}" for which in ("latest", "best") for metric in ("SI-SDR", "SDR"))
    return Table(columns, (*lines, Line("mean", cells(""), kind="mean")))


def evaluation_table(scores: Mapping[str, Any]) -> Table:
    """Each stem and the mean of a ``scores.json``, and below what the mixture scores as the estimate of each."""
    metrics = tuple(scores["mean"])
    both = _averages(scores, metrics), _averages(scores["mixture"], metrics, prefix="mixture · ")
    return Table(metrics, (*both[0], *both[1]))


def songs_table(scores: Mapping[str, Any], metric: str = "SI-SDR") -> Table:
    """One metric of each song of a ``scores.json``, by stem."""
    stems = tuple(scores["stems"])
    lines = [
        Line(song["song"], tuple(decibels(of[metric]) for of in (*song["stems"].values(), song["mean"])))
        for song in scores["songs"]
    ]
    return Table((*stems, "mean"), tuple(lines))


def _averages(scores: Mapping[str, Any], metrics: Sequence[str], prefix: str = "") -> list[Line]:
    aside = "aside" if prefix else ""
    averages = {**scores["stems"], "mean": scores["mean"]}
    return [
        Line(
            prefix + stem,
            tuple(decibels(values.get(metric)) for metric in metrics),
            n if stem in scores["stems"] and not prefix else None,
            aside or ("mean" if stem == "mean" else ""),
        )
        for n, (stem, values) in enumerate(averages.items())
    ]


def decibels(value: float | None) -> str:
    """A score as it stands in a table."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.2f}".replace("-", "−")
