"""Finished runs are kept in a file, line by line."""

import math

import pytest

from benchmarks.finished_runs import FinishedRun, FinishedRuns, digest
from bsroformer.errors import InputError

RUN = FinishedRun("key", "adamw", ["optimizer=adamw"], 0, {"steps": 3, "sdr": 1.5})


@pytest.fixture
def runs(tmp_path) -> FinishedRuns:
    return FinishedRuns(tmp_path / "new" / "runs.jsonl", ("steps", "sdr"))


def test_added_runs_are_read_by_key(runs):
    assert runs.figures() == {}
    runs.add(RUN)
    runs.add(FinishedRun("other", "none", [], 1, {"steps": 4, "sdr": math.nan}))
    found = runs.figures()
    assert found["key"] == {"steps": 3, "sdr": 1.5}
    assert type(found["key"]["steps"]) is int
    assert math.isnan(found["other"]["sdr"])


def test_the_last_line_of_a_key_counts(runs):
    runs.add(RUN)
    runs.add(FinishedRun("key", "adamw", [], 0, {"steps": 5, "sdr": 2.0}))
    assert runs.figures() == {"key": {"steps": 5, "sdr": 2.0}}


@pytest.mark.parametrize("line", ['{"key": "ke', "", "3", '{"key": "key", "change": "x", "words": [], "seed": 0}'])
def test_a_damaged_line_is_one_sentence(runs, line):
    runs.add(RUN)
    runs.path.write_text(runs.path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"runs\.jsonl: line 2 is damaged; remove the line"):
        runs.figures()


def test_figures_of_other_names_are_damage(runs):
    runs.add(FinishedRun("key", "x", [], 0, {"steps": 3}))
    with pytest.raises(InputError, match="line 1"):
        runs.figures()


def test_a_digest_follows_values_and_not_their_order():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
