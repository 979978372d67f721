"""The page ``report.html`` of a run: scores, curves, sounds and settings."""

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
from bsroformer.report.html_cells import score_text
from bsroformer.report.media import sounds
from bsroformer.report.metrics_csv import Row, read_rows
from bsroformer.report.monitor import LOSS, VALIDATION_METRICS, Monitor, monitor_of
from bsroformer.report.page_writer import REPORT, Tile, mapping_in, text_of, write_page
from bsroformer.report.pictures import Picture, drawn_plot, plot_file, preview_picture
from bsroformer.report.provenance import Fact, latest_start, made_with, moment, starts_of, text, whole_number
from bsroformer.report.tables import Line, Table
from bsroformer.report.validation_table import latest_and_best, validation_table
from bsroformer.run_folder import RunFolder
from bsroformer.safe_files import read_json, read_yaml
from bsroformer.text import NOTHING, count

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """Sources of the players of a stem, None without a sound."""

    stem: str
    colour: str
    target: str | None
    estimate: str | None


def write_report(folder: Path) -> None:
    """Write ``report.html`` into the folder of a run, from its current files.

    It shows ``metrics.csv``, the latest of ``previews/``, the results of a closing evaluation in
    ``evaluation/``, ``run.json`` and ``config.yaml``, without missing parts.

    Raises:
        InputError: If the folder cannot be written.
    """
    run = RunFolder(folder)
    write_page(run.report, "run_page.html", contents(run))


def contents(run: RunFolder) -> dict[str, Any]:
    """Collect the values of the page's template."""
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
        "curves": _curves(rows, stems, monitor.metric) if rows else None,
        **_evaluation(run.evaluation, results),
        **_preview(run.previews, stems),
        "facts": [*made_with(latest_start(made) or made), *setup_of(settings)],
        "starts": starts_table(made),
        "config": config,
    }


def _curves(rows: Mapping[int, Row], stems: Sequence[str], metric: str) -> Picture:
    return drawn_plot(curves_figure(rows, stems, metric, VALIDATION_METRICS[metric]))


def _evaluation(folder: Path, results: Mapping[str, Any] | None) -> dict[str, Any]:
    """Collect the values for the closing evaluation."""
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
    """Collect the values for the latest preview."""
    step, preview = latest_preview(previews)
    stems = stems if step is not None else ()
    mixture_file = previews / "mixture.wav"
    targets = previews / "target"
    files = [folder / f"{stem}.wav" for folder in (targets, preview) for stem in stems]
    mixture, *sources = sounds([mixture_file, *files])
    examples = []
    for n, stem in enumerate(stems):
        examples.append(Example(stem, number(n), target=sources[n], estimate=sources[len(stems) + n]))
    return {
        "preview_step": step,
        "mixture": mixture,
        "examples": examples,
        "spectrograms": preview_picture(mixture_file, targets, preview, stems, f"step {step}"),
    }


def stems_of(rows: Mapping[int, Row]) -> list[str]:
    """Find the stems with scores, for runs whose configuration is missing."""
    names = {name for row in rows.values() for name in row}
    stems = set()
    for metric in VALIDATION_METRICS:
        stems |= {name.removeprefix(f"{metric}_") for name in names if name.startswith(f"{metric}_")}
    return sorted(stems)


def latest_preview(previews: Path) -> tuple[int | None, Path]:
    """Find the step and the folder of the latest preview; None before the first."""
    steps = {}
    for path in previews.glob("step-*"):
        match = re.fullmatch(r"step-(\d+)", path.name)
        if match:
            steps[int(match[1])] = path
    if not steps:
        return None, previews
    latest = max(steps)
    return latest, steps[latest]


def tiles(rows: Mapping[int, Row], results: Mapping[str, Any] | None, monitor: Monitor) -> Iterator[Tile]:
    """Yield the headline numbers."""
    if results:
        metric = headline_metric(results)
        for method in evaluated(results):
            note = f"mean of {count(len(method['songs']), 'song')}"
            yield Tile(score_text(method["scores"][MEAN][metric]), "dB", f"test {metric}", note)
    steps = latest_and_best(rows, monitor)
    if steps:
        yield _best_tile(rows, steps[1], monitor)
    if rows:
        yield Tile(f"{max(rows):,}", "", "steps")
    speed = _last(rows, "train/audio_seconds_per_second")
    if speed is not None:
        yield Tile(f"{speed:.3g}", "×", "real time", "audio trained on per second")
    memory = _last(rows, "train/memory_gib")
    if memory is not None:
        yield Tile(f"{memory:.2f}", "GiB", "memory", "at the peak")


def _best_tile(rows: Mapping[int, Row], step: int, monitor: Monitor) -> Tile:
    score = rows[step][monitor.name]
    note = f"the best, at step {step:,}"
    if monitor.name == LOSS:
        return Tile(f"{score:.4g}", "", f"validation {monitor.label}", note)
    return Tile(score_text(score), "dB", f"validation {monitor.label}", note)


def _subtitle(settings: Mapping[str, Any], stems: Sequence[str]) -> str:
    """Describe the stems and the audio in a line."""
    rate = (settings.get("audio") or {}).get("sample_rate")
    seconds = (settings.get("data") or {}).get("seconds")
    parts = [", ".join(stems), rate and f"{rate / 1000:g} kHz", seconds and f"excerpts of {seconds:g} s"]
    return " · ".join(part for part in parts if part)


def _last(rows: Mapping[int, Row], name: str) -> float | None:
    """Return the latest value of a metric."""
    steps = [step for step, row in rows.items() if name in row]
    return rows[max(steps)][name] if steps else None


def setup_of(settings: Tree) -> list[Fact]:
    """List data and training settings; missing ones are skipped."""
    data = _group(settings, "data")
    trainer = _group(settings, "trainer")
    optimizer = _group(settings, "optimizer")
    batch = whole_number(data.get("batch_size"))
    accumulated = whole_number(trainer.get("accumulate_grad_batches"))
    each = f"{batch} × {accumulated}" if accumulated > 1 else f"{batch}"
    parts = [
        ("data", [data.get("root"), _with(data.get("seconds"), "excerpts of {} s")]),
        (
            "training",
            [
                _with(optimizer.get("lr"), "learning rate {}"),
                f"{each} {'excerpt' if each == '1' else 'excerpts'} a step" if batch else None,
                _with(settings.get("ema_half_life"), "average over {} steps"),
                _with(settings.get("seed"), "seed {}"),
                _with(settings.get("monitor"), "judged by {}"),
            ],
        ),
    ]
    lines = [(name, " · ".join(text(value) for value in values if value is not None)) for name, values in parts]
    return [(name, value) for name, value in lines if value]


def starts_table(facts: Tree) -> Table | None:
    """List the starts of a resumed run; None for a single start."""
    starts = starts_of(facts)
    if len(starts) < 2:
        return None
    lines = []
    for n, start in enumerate(starts, start=1):
        end = text(start.get("end") or NOTHING)
        cells = moment(start) or NOTHING, end, text(start.get("command") or NOTHING)
        lines.append(Line(str(n), cells))
    return Table(("started (UTC)", "end", "command"), tuple(lines), words=True, first="start")


def _group(settings: Tree, name: str) -> Tree:
    found = settings.get(name)
    return found if isinstance(found, Mapping) else {}


def _with(value: Any, words: str) -> str | None:
    """Insert a value into words; None without a value."""
    return None if value is None else words.format(text(value))
