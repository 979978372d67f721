"""``report.html``: how a run went, on one page that is one file; whoever has it needs nothing else."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsroformer.figures import curves_figure
from bsroformer.report.colours import number
from bsroformer.report.evaluation_tables import (
    MEAN,
    evaluated,
    evaluation_table,
    headline_metric,
    songs_table,
)
from bsroformer.report.media import sounds
from bsroformer.report.metrics_csv import Row, read_rows
from bsroformer.report.monitor import METRICS, Monitor, monitor_of
from bsroformer.report.page_writer import REPORT, Tile, counted, mapping_in, text_of, write_page
from bsroformer.report.pictures import drawn_plot, plot_file, preview_picture
from bsroformer.report.provenance import latest_start, made_with
from bsroformer.report.tables import decibels, latest_and_best, validation_table
from bsroformer.report.training_setup import setup_of, starts_table
from bsroformer.run_folder import RunFolder
from bsroformer.safe_files import read_json, read_yaml


@dataclass(frozen=True)
class Example:
    """What can be heard of a stem: sources of players, None where there is none."""

    stem: str
    colour: str
    target: str | None
    estimate: str | None


def write_report(folder: Path) -> None:
    """Write ``report.html`` into the folder of a run, from what is there by now.

    It shows ``metrics.csv``, the latest of ``previews/``, the results of a closing evaluation in
    ``evaluation/``, ``run.json`` and ``config.yaml``; what is missing is left out.

    Raises:
        InputError: If the folder cannot be written.
    """
    run = RunFolder(folder)
    write_page(run.report, "run_page.html", contents(run))


def contents(run: RunFolder) -> dict[str, Any]:
    """What the page's template asks for."""
    config = text_of(run.config)
    settings = mapping_in(run.config, read_yaml)
    monitor = monitor_of(settings)
    made = mapping_in(run.facts, read_json)
    rows = read_rows(run.metrics) if run.metrics.is_file() else {}
    stems = list((settings.get("model") or {}).get("stems") or stems_of(rows))
    results = mapping_in(run.evaluation / "results.json", read_json)
    return {
        "title": run.path.resolve().name,
        "subtitle": _subtitle(settings, stems),
        "tiles": list(tiles(rows, results, monitor)),
        "steps": latest_and_best(rows, monitor),
        "validation": validation_table(rows, stems, monitor),
        "curves": drawn_plot(curves_figure(rows, stems, monitor.metric, METRICS[monitor.metric])) if rows else None,
        **_evaluation(run.evaluation, results),
        **_preview(run.previews, stems),
        "facts": [*made_with(latest_start(made) or made), *setup_of(settings)],
        "starts": starts_table(made),
        "config": config,
    }


def _evaluation(folder: Path, results: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is shown of the closing evaluation."""
    if not results or not evaluated(results):
        return {"evaluation": None}
    metric = headline_metric(results)
    return {
        "evaluation": evaluation_table(results),
        "metric": metric,
        "songs": songs_table(results),
        "scores": plot_file(folder / "plots", metric),
        "link": f"{folder.name}/{REPORT}" if (folder / REPORT).is_file() else None,
    }


def _preview(previews: Path, stems: Sequence[str]) -> dict[str, Any]:
    """What is shown and heard of the latest preview."""
    step, preview = latest_preview(previews)
    stems = stems if step is not None else ()
    places = previews / "target", preview
    mixture, *sources = sounds(
        [previews / "mixture.wav", *(place / f"{stem}.wav" for place in places for stem in stems)]
    )
    pairs = zip(stems, sources[: len(stems)], sources[len(stems) :], strict=True)
    return {
        "preview_step": step,
        "mixture": mixture,
        "examples": [Example(stem, number(n), *of) for n, (stem, *of) in enumerate(pairs)],
        "spectrograms": preview_picture(previews / "mixture.wav", *places, stems, f"step {step}"),
    }


def stems_of(rows: Mapping[int, Row]) -> list[str]:
    """The stems that have scores, where no configuration names them."""
    names = {name for row in rows.values() for name in row}
    prefixes = [f"{metric}_" for metric in METRICS]
    return sorted({name.removeprefix(prefix) for prefix in prefixes for name in names if name.startswith(prefix)})


def latest_preview(previews: Path) -> tuple[int | None, Path]:
    """The step of the latest preview, and its folder; None where there is none yet."""
    steps = {
        int(match[1]): path for path in previews.glob("step-*") if (match := re.fullmatch(r"step-(\d+)", path.name))
    }
    return (max(steps), steps[max(steps)]) if steps else (None, previews)


def tiles(rows: Mapping[int, Row], results: Mapping[str, Any] | None, monitor: Monitor) -> Iterator[Tile]:
    """The numbers to see first."""
    if results:
        metric = headline_metric(results)
        for method in evaluated(results):
            note = f"mean of {counted(len(method['songs']), 'song')}"
            yield Tile(decibels(method["scores"][MEAN][metric]), "dB", f"test {metric}", note)
    if found := latest_and_best(rows, monitor):
        score, unit = rows[found[1]][monitor.name], "dB" if monitor.mode == "max" else ""
        shown = decibels(score) if unit else f"{score:.4g}"
        yield Tile(shown, unit, f"validation {monitor.label}", f"the best, at step {found[1]:,}")
    if rows:
        yield Tile(f"{max(rows):,}", "", "steps")
    if (speed := _last(rows, "train/audio_seconds_per_second")) is not None:
        yield Tile(f"{speed:.3g}", "×", "real time", "audio trained on per second")
    if (memory := _last(rows, "train/memory_gib")) is not None:
        yield Tile(f"{memory:.2f}", "GiB", "memory", "at the peak")


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
