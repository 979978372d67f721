import json
import re
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from pages import Page
from test_evaluation_tables import LITE, MIXTURE, ORACLE, results
from test_validation_table import validated

from bsroformer.audio.files import write
from bsroformer.report import pictures
from bsroformer.report import run_page as page_of_run
from bsroformer.report.metrics_csv import write_rows
from bsroformer.report.provenance import leaves
from bsroformer.report.run_page import latest_preview, write_report

REPOSITORY = Path(__file__).parents[2]


def report(folder: Path) -> Page:
    write_report(folder)
    return Page((folder / "report.html").read_text("utf-8"))


@pytest.fixture(autouse=True)
def blank_figures(monkeypatch) -> None:
    """Figures with nothing in them: most of a page's time goes into drawing them."""
    monkeypatch.setattr(page_of_run, "curves_figure", lambda *_: Figure(figsize=(1, 1)))
    monkeypatch.setattr(pictures, "separation_figure", lambda *_, **__: Figure(figsize=(1, 1)))


@pytest.fixture
def run(tmp_path) -> Path:
    """The folder of a run that has everything."""
    folder = tmp_path / "a <b> run"
    tone = 0.1 * torch.sin(torch.arange(4000.0))[None]
    for name in ("mixture", "target/vocals", "target/other", "step-000002/vocals", "step-000002/other"):
        write(folder / "previews" / f"{name}.wav", tone, 8000)
    write_rows(folder / "metrics.csv", {1: validated(1.25), 2: validated(-2.5) | {"train/memory_gib": 1.5}})
    (folder / "evaluation" / "plots").mkdir(parents=True)
    (folder / "evaluation" / "plots" / "SI-SDR.svg").write_text("<svg/>")
    (folder / "evaluation" / "results.json").write_text(json.dumps(results(MIXTURE, LITE, ORACLE)))
    (folder / "evaluation" / "report.html").write_text("")
    (folder / "run.json").write_text(json.dumps({"version": "1.2.3", "git": {"commit": "abc123", "dirty": None}}))
    (folder / "config.yaml").write_text(
        "model:\n  stems: [vocals, other]\naudio:\n  sample_rate: 8000\ndata:\n  seconds: 2.0\nnote: <script>&\n"
    )
    return folder


def test_a_run_is_shown_with_all_that_it_has(run):
    page = report(run)
    for shown in (
        "1.25",
        "−2.50",
        "the best, at step 1",
        "vocals, other · 8 kHz · excerpts of 2 s",
        "1.2.3",
        "abc123",
        "1.50",
        "test SI-SDR",
        "mixture · vocals",
        "IRM1 · mean",
        "Each song, SI-SDR",
    ):
        assert shown in page.text
    assert len(page.sources("img")) == 3
    assert len(page.sources("audio")) == 5
    assert len(page.dark_sources()) == 3
    assert len([tag for tag, _ in page.elements if tag == "table"]) == 4


def test_the_page_is_one_file(run):
    page = report(run)
    assert page.has_nothing_from_elsewhere()
    assert not re.search(r"https?://|@import|url\(", (run / "report.html").read_text("utf-8"))


def test_what_a_run_says_is_text_and_not_markup(run):
    source = (report(run), (run / "report.html").read_text("utf-8"))[1]
    assert "<script>&" not in source.replace("<script>\n", "")
    assert "note: &lt;script&gt;&amp;" in source
    assert "a &lt;b&gt; run" in source


@pytest.mark.parametrize(
    "missing",
    [
        "metrics.csv",
        "evaluation",
        "evaluation/results.json",
        "evaluation/plots",
        "run.json",
        "config.yaml",
        "previews",
    ],
)
def test_missing_files_have_no_part_of_the_page(run, missing):
    path = run / missing
    path.rename(run.parent / "elsewhere")
    assert report(run).text


def test_the_closing_evaluation_is_linked_where_it_has_a_page(run):
    links = [attributes["href"] for tag, attributes in report(run).elements if tag == "a"]
    assert links == ["evaluation/report.html"]
    (run / "evaluation" / "report.html").unlink()
    assert not [tag for tag, _ in report(run).elements if tag == "a"]


def test_an_evaluation_of_other_metrics_is_shown_too(run):
    tree = json.loads((run / "evaluation" / "results.json").read_text())
    (run / "evaluation" / "results.json").write_text(json.dumps(tree | {"metrics": ["cSDR"]}))
    assert "test cSDR" in report(run).text


def test_a_run_that_has_nothing_yet_has_a_page(tmp_path):
    assert "Training run" in report(tmp_path).text


def test_stems_that_no_configuration_names_are_those_with_scores(run):
    (run / "config.yaml").unlink()
    assert "other, vocals" in report(run).text


def test_the_preview_of_the_highest_step_is_the_latest(tmp_path):
    for name in ("step-999999", "step-1000000", "step-000005", "target", "step-x"):
        (tmp_path / "previews" / name).mkdir(parents=True)
    assert latest_preview(tmp_path / "previews") == (1_000_000, tmp_path / "previews" / "step-1000000")


def test_facts_are_the_leaves_of_a_tree():
    tree = {"version": "1", "git": {"commit": "abc", "changed_files": ["a", "b"], "branch": None}}
    assert list(leaves(tree)) == [("version", "1"), ("git commit", "abc"), ("git changed files", "a, b")]
