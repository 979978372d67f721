import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pages import Page
from test_evaluation_tables import FULL, LITE, MIXTURE, results
from test_validation_table import validated

from bsroformer.errors import InputError
from bsroformer.report.metrics_csv import write_rows
from bsroformer.report.runs_page import write_runs_page

START = {"started": "2026-01-02T03:04:05+00:00", "parameters": 2_900_000, "choices": {"model": "tiny", "data": "demo"}}


def add_run(folder: Path, config: str = "monitor: val/sdr\n", **facts: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"starts": [START | facts]}))
    (folder / "config.yaml").write_text(config)
    (folder / "report.html").write_text("")
    write_rows(folder / "metrics.csv", {10: validated(1.25), 20: validated(4.5), 30: validated(2.0)})


def index(folder: Path) -> Page:
    write_runs_page(folder)
    return Page((folder / "index.html").read_text("utf-8"))


def links(page: Page) -> list[str | None]:
    return [attributes["href"] for tag, attributes in page.elements if tag == "a"]


def statuses(page: Page) -> list[str]:
    found = [(attributes.get("class") or "") for tag, attributes in page.elements if tag == "span"]
    return [name.removeprefix("status ") for name in found if name.startswith("status ")]


def test_a_run_is_a_line_with_a_link_and_its_best_score(tmp_path):
    add_run(tmp_path / "train" / "a b", end="finished", step=30)
    page = index(tmp_path)
    for shown in ("train/a b", "2026-01-02 03:04", "tiny", "2.9 M parameters", "demo", "4.50 dB", "SDR, step 20"):
        assert shown in page.text
    assert links(page) == ["train/a%20b/report.html"]
    assert [tag for tag, _ in page.elements].count("polyline") == 1
    assert page.has_nothing_from_elsewhere()


def test_the_newest_run_is_first_and_sweep_jobs_are_runs(tmp_path):
    add_run(tmp_path / "train" / "sweep" / "0", started="2026-01-01T00:00:00+00:00")
    add_run(tmp_path / "train" / "later", started="2026-03-01T00:00:00+00:00")
    (tmp_path / "train" / "later" / "evaluation").mkdir()
    assert links(index(tmp_path)) == ["train/later/report.html", "train/sweep/0/report.html"]


@pytest.mark.parametrize("end", ["finished", "stopped", "failed"])
def test_a_run_has_the_status_that_it_recorded(tmp_path, end):
    add_run(tmp_path / "a", end=end)
    assert statuses(index(tmp_path)) == [end]


def test_a_locked_run_is_running_and_a_killed_one_stopped(tmp_path):
    add_run(tmp_path / "a")
    assert statuses(index(tmp_path)) == ["stopped"]
    with FileLock(tmp_path / "a" / ".training.lock"):
        assert statuses(index(tmp_path)) == ["running"]
    assert statuses(index(tmp_path)) == ["stopped"]


def test_an_older_run_with_all_its_steps_is_finished(tmp_path):
    add_run(tmp_path / "a", "trainer: {max_steps: 30}\n")
    assert statuses(index(tmp_path)) == ["finished"]


def test_debug_runs_are_skipped(tmp_path):
    add_run(tmp_path / "a", "trainer: {overfit_batches: 1}\n")
    assert not links(index(tmp_path))


def test_an_evaluation_is_a_line_with_all_of_its_methods(tmp_path):
    folder = tmp_path / "eval" / "both"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results(MIXTURE, LITE, FULL)))
    (folder / "report.html").write_text("")
    page = index(tmp_path)
    assert "lite 2.00, full 3.00" in page.text
    assert links(page) == ["eval/both/report.html"]


def test_the_test_score_of_a_run_is_in_its_line(tmp_path):
    add_run(tmp_path / "a")
    (tmp_path / "a" / "evaluation").mkdir()
    (tmp_path / "a" / "evaluation" / "results.json").write_text(json.dumps(results(MIXTURE, LITE)))
    assert "2.00 dB" in index(tmp_path).text


DAMAGE = ["", "[]", "{", '{"starts": [1]}', '{"starts": [{"started": [1], "choices": 3, "step": "x", "end": {}}]}']


@pytest.mark.parametrize("content", DAMAGE)
@pytest.mark.parametrize("name", ["run.json", "config.yaml", "metrics.csv", "evaluation/results.json"])
def test_a_damaged_file_leaves_cells_empty(tmp_path, name, content):
    add_run(tmp_path / "a")
    path = tmp_path / "a" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    assert "a" in index(tmp_path).text


def test_what_runs_say_is_text_and_not_markup(tmp_path):
    name = '<b>"x" & y'
    add_run(tmp_path / name, choices={"model": "<script>", "data": "<i>"}, end="<u>")
    write_runs_page(tmp_path)
    source = (tmp_path / "index.html").read_text("utf-8")
    assert not any(markup in source for markup in ("<b>&", '<b>"', "<i>", "<u>", "<script>&", "<script><"))
    assert "&lt;script&gt;" in source
    assert "%3Cb%3E%22x%22%20%26%20y/report.html" in source


def test_a_folder_without_runs_has_an_index(tmp_path):
    assert "no training" in index(tmp_path).text


def test_a_page_of_another_program_is_not_replaced(tmp_path):
    page = tmp_path / "index.html"
    page.write_text("<p>mine</p>")
    with pytest.raises(InputError, match="not a page of this program"):
        write_runs_page(tmp_path)
    assert page.read_text() == "<p>mine</p>"
