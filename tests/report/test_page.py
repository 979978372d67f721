import json
import re
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from setuptools.config.pyprojecttoml import read_configuration
from test_tables import SCORES, validated

from bsroformer.audio.files import write
from bsroformer.report import write_report
from bsroformer.report.page import facts, latest_preview
from bsroformer.report.rows import write_rows

REPOSITORY = Path(__file__).parents[2]
VOID = {"meta", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """The elements of a page, in order; an error if one is not closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def sources(self, tag: str) -> list[str]:
        return [attributes["src"] or "" for name, attributes in self.elements if name == tag]


def report(folder: Path) -> Page:
    write_report(folder)
    return Page((folder / "report.html").read_text("utf-8"))


@pytest.fixture
def run(tmp_path) -> Path:
    """The folder of a run that has everything."""
    folder = tmp_path / "a <b> run"
    tone = 0.1 * torch.sin(torch.arange(4000.0))[None]
    for name in ("mixture", "target/vocals", "target/other", "step-000002/vocals", "step-000002/other"):
        write(folder / "previews" / f"{name}.wav", tone, 8000)
    write_rows(folder / "metrics.csv", {1: validated(1.25), 2: validated(-2.5) | {"train/memory_gib": 1.5}})
    for name in ("curves", "scores", "previews/step-000002/spectrograms"):
        (folder / f"{name}.png").write_bytes(b"\x89PNG " + name.encode())
    (folder / "scores.json").write_text(json.dumps(SCORES))
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
    ):
        assert shown in page.text
    assert len(page.sources("img")) == 3
    assert len(page.sources("audio")) == 5
    assert len([tag for tag, _ in page.elements if tag == "table"]) == 3


def test_the_page_is_one_file(run):
    page = report(run)
    assert all(source.startswith("data:") for tag in ("img", "audio") for source in page.sources(tag))
    assert not [tag for tag, attributes in page.elements if tag == "link" or (tag == "script" and attributes)]
    assert not re.search(r"https?://|@import|url\(", (run / "report.html").read_text("utf-8"))


def test_what_a_run_says_is_text_and_not_markup(run):
    source = (report(run), (run / "report.html").read_text("utf-8"))[1]
    assert "<script>&" not in source.replace("<script>\n", "")
    assert "note: &lt;script&gt;&amp;" in source
    assert "a &lt;b&gt; run" in source


@pytest.mark.parametrize(
    "missing", ["metrics.csv", "curves.png", "scores.json", "scores.png", "run.json", "config.yaml", "previews"]
)
def test_what_is_not_there_is_left_out(run, missing):
    path = run / missing
    path.rename(run.parent / "elsewhere")
    assert report(run).text


def test_a_run_that_has_nothing_yet_has_a_page(tmp_path):
    assert "Training run" in report(tmp_path).text


def test_stems_that_no_configuration_names_are_those_with_scores(run):
    (run / "config.yaml").unlink()
    assert "other, vocals" in report(run).text


def test_the_preview_of_the_highest_step_is_the_latest(tmp_path):
    for name in ("step-999999", "step-1000000", "step-000005", "target", "step-x"):
        (tmp_path / "previews" / name).mkdir(parents=True)
    assert latest_preview(tmp_path) == (1_000_000, tmp_path / "previews" / "step-1000000")


def test_facts_are_the_leaves_of_a_tree():
    tree = {"version": "1", "git": {"commit": "abc", "changed_files": ["a", "b"], "branch": None}}
    assert list(facts(tree)) == [("version", "1"), ("git commit", "abc"), ("git changed files", "a, b")]


def test_no_file_of_the_package_is_left_out_of_a_wheel():
    """The page's template is no Python: setuptools takes it only if it is told to."""
    package_data = read_configuration(REPOSITORY / "pyproject.toml")["tool"]["setuptools"]["package-data"]
    for path in (REPOSITORY / "bsroformer").rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            package = ".".join(path.parent.relative_to(REPOSITORY).parts)
            assert any(fnmatch(path.name, pattern) for pattern in package_data.get(package, [])), path
