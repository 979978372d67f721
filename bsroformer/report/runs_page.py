"""The page ``index.html`` of a folder of trainings and evaluations."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bsroformer.errors import InputError
from bsroformer.report.evaluation_tables import MEAN, best_score, evaluated, headline_metric
from bsroformer.report.html_cells import CURVE_SIZE, curve, score_text
from bsroformer.report.metrics_csv import Row, read_rows
from bsroformer.report.monitor import LOSS, Monitor, monitor_of
from bsroformer.report.page_writer import REPORT, Tile, mapping_in, write_page
from bsroformer.report.provenance import latest_start, moment, text, whole_number
from bsroformer.report.run_status import FAILED, FINISHED, RUNNING, STOPPED, is_debug_config, status_of
from bsroformer.report.validation_table import latest_and_best
from bsroformer.run_folder import RunFolder
from bsroformer.safe_files import CONFIGURATION, read_json, read_yaml
from bsroformer.text import NOTHING

INDEX = "index.html"
GENERATOR = b'<meta name="generator" content="bsroformer">'
"""Mark of this program's pages, in their first `HEAD_BYTES`."""
HEAD_BYTES = 4096
RESULTS = "results.json"
MAX_DEPTH = 4
"""Depth of the search for runs: a job of a sweep is at runs/train/<time>/<job>."""
MAX_RUNS = 500
"""Lines of a table, the newest first."""


@dataclass(frozen=True)
class Cell:
    """A cell of the table: its text, a note, and the key for sorting."""

    text: str
    key: float | str = ""
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """A training or an evaluation.

    Attributes:
        name: Its folder, relative to that of all runs.
        link: Address of its page, relative to the index; None without a page.
        started: Time of the start, for sorting.
        cells: Other columns.
        status: Status of a training; empty for an evaluation.
        curve: Points of the monitor's curve for an SVG, empty with fewer than two.
    """

    name: str
    link: str | None
    started: str
    cells: tuple[Cell, ...]
    status: str = ""
    curve: str = ""


def refuse_foreign_page(path: Path) -> None:
    """Refuse to replace a page that this program did not write.

    Raises:
        InputError: If `path` is such a page.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if GENERATOR not in head:
        raise InputError(f"{path} is not a page of this program; move it, or set paths.runs_dir")


def write_runs_page(folder: Path) -> None:
    """Write ``index.html`` into a folder of runs, from their files.

    Damaged files leave cells empty.

    Trainings that only test the code (``debug=``, ``experiment=overfit_song``) are skipped.

    Raises:
        InputError: If the page cannot be written, or would replace one of another program.
    """
    refuse_foreign_page(folder / INDEX)
    runs, evaluations = [], []
    for path in sorted(entries_in(folder)):
        if RunFolder(path).facts.is_file():
            runs.append(run_entry(path, folder))
        else:
            evaluations.append(evaluation_entry(path, folder))
    trainings = sorted(filter(None, runs), key=lambda entry: entry.started, reverse=True)
    compared = sorted(filter(None, evaluations), key=lambda entry: entry.started, reverse=True)
    contents = {
        "title": folder.resolve().name,
        "subtitle": f"as of {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "tiles": list(tiles(trainings, compared)),
        "runs": trainings[:MAX_RUNS],
        "evaluations": compared[:MAX_RUNS],
        "more": max(0, len(trainings) - MAX_RUNS) + max(0, len(compared) - MAX_RUNS),
        "curve_size": CURVE_SIZE,
    }
    write_page(folder / INDEX, "runs_page.html", contents)


def entries_in(folder: Path, depth: int = MAX_DEPTH) -> Iterator[Path]:
    """Yield the folders of trainings and evaluations, without those inside another."""
    for path in folder.iterdir():
        if path.name.startswith(".") or not path.is_dir():
            continue
        if RunFolder(path).facts.is_file() or (path / RESULTS).is_file():
            yield path
        elif depth > 1:
            yield from entries_in(path, depth - 1)


def tiles(runs: Sequence[Entry], evaluations: Sequence[Entry]) -> Iterator[Tile]:
    """Yield the headline numbers."""
    yield Tile(f"{len(runs):,}", "", "trainings")
    for status in (RUNNING, FINISHED, STOPPED, FAILED):
        count = sum(run.status == status for run in runs)
        if count:
            yield Tile(f"{count:,}", "", status)
    if evaluations:
        yield Tile(f"{len(evaluations):,}", "", "evaluations")


def run_entry(path: Path, root: Path) -> Entry | None:
    """Create the line of a training; None for one that only tests the code."""
    run = RunFolder(path)
    config = mapping_in(run.config, read_yaml)
    if is_debug_config(config):
        return None
    start = latest_start(mapping_in(run.facts, _read_facts))
    monitor = monitor_of_run(config)
    rows = _rows(run.metrics)
    best = latest_and_best(rows, monitor)
    score = rows[best[1]][monitor.name] if best else None
    steps = whole_number(start.get("step")) or max(rows, default=0)
    model = _chosen(start, "model")
    parameters = _parameters(start)
    cells = (
        Cell(model or parameters or NOTHING, note=parameters if model else ""),
        Cell(_chosen(start, "data") or NOTHING),
        Cell(f"{steps:,}", steps),
        _score_cell(score, monitor, best[1] if best else 0),
        test_cell(run.evaluation / RESULTS),
    )
    status = status_of(path, start, steps, config)
    return Entry(_name(path, root), _link(path, root), moment(start), cells, status, curve(rows, monitor))


def evaluation_entry(path: Path, root: Path) -> Entry | None:
    """Create the line of an evaluation; None if its results are damaged."""
    results = mapping_in(path / RESULTS, read_json)
    try:
        metric = headline_metric(results)
        scores = [(method["name"], method["scores"][MEAN][metric]) for method in evaluated(results)]
        listed = ", ".join(f"{name} {score_text(score)}" for name, score in scores)
        best = best_score(metric, (score for _, score in scores))
        songs = int(results["songs"])
        cells = (
            Cell(listed or NOTHING, -math.inf if best is None else best, metric),
            Cell(f"{songs:,}", songs, text(results["split"])),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None
    made = results.get("made")
    return Entry(_name(path, root), _link(path, root), moment(made if isinstance(made, dict) else {}), cells)


def test_cell(path: Path) -> Cell:
    """Create the cell of the mean test score of a training's closing evaluation."""
    results = mapping_in(path, read_json)
    try:
        metric = headline_metric(results)
        score = evaluated(results)[0]["scores"][MEAN][metric]
        return Cell(f"{score_text(score)} dB", score, metric)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return Cell(NOTHING)


def monitor_of_run(config: Mapping[str, Any]) -> Monitor:
    """Read the monitor of a configuration, even a damaged one."""
    try:
        monitor = monitor_of(config)
    except AttributeError:  # callbacks must be a mapping
        return Monitor()
    return monitor if isinstance(monitor.name, str) else Monitor()


def _read_facts(path: Path) -> Any:
    return read_json(path, CONFIGURATION)


def _rows(path: Path) -> dict[int, Row]:
    try:
        return read_rows(path) if path.exists() else {}
    except InputError:
        return {}


def _chosen(start: Mapping[str, Any], group: str) -> str:
    """Find the chosen config of a group; for older runs, from the typed overrides."""
    choices = start.get("choices")
    if isinstance(choices, dict) and choices.get(group):
        return text(choices[group])
    overrides = start.get("overrides")
    typed = [text(word) for word in overrides] if isinstance(overrides, list) else []
    chosen = [word.partition("=")[2] for word in typed if word.startswith(f"{group}=")]
    return chosen[-1] if chosen else ""


def _parameters(start: Mapping[str, Any]) -> str:
    count = whole_number(start.get("parameters"))
    return f"{count / 1e6:.1f} M parameters" if count else ""


def _score_cell(score: float | None, monitor: Monitor, step: int) -> Cell:
    if score is None:
        return Cell(NOTHING)
    shown = f"{score:.4g}" if monitor.name == LOSS else f"{score_text(score)} dB"
    return Cell(shown, score, f"{monitor.label}, step {step:,}")


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _link(path: Path, root: Path) -> str | None:
    page = path / REPORT
    return quote(page.relative_to(root).as_posix()) if page.is_file() else None
