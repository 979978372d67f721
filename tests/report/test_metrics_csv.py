import math

import pytest

from bsroformer.report.metrics_csv import read_rows, read_whole_rows, write_rows


def test_rows_come_back_from_their_file(tmp_path):
    rows = {10: {"train/loss": 1.5, "val/si_sdr": -3.25}, 20: {"train/loss": math.inf}, 25: {"val/loss": 0.1}}
    write_rows(tmp_path / "run" / "metrics.csv", rows)
    assert read_rows(tmp_path / "run" / "metrics.csv") == rows


def test_an_undefined_score_comes_back_undefined(tmp_path):
    write_rows(tmp_path / "metrics.csv", {5: {"val/si_sdr_vocals": math.nan}})
    assert math.isnan(read_rows(tmp_path / "metrics.csv")[5]["val/si_sdr_vocals"])


def test_no_other_file_is_left_beside_it(tmp_path):
    write_rows(tmp_path / "metrics.csv", {5: {"train/loss": 1.0}})
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


@pytest.mark.parametrize(
    ("change", "damaged", "steps"),
    [
        (lambda whole: whole, 0, [5, 10, 15]),
        (lambda whole: whole + b"\0" * 4096, 0, [5, 10, 15]),
        (lambda whole: whole[:-3], 0, [5, 10, 15]),  # half a number is one
        (lambda whole: whole[: whole.rindex(b",")], 1, [5, 10]),
        (lambda whole: whole.replace(b"10,", b"1\xe9,"), 1, [5, 15]),
        (lambda whole: whole.replace(b"10,", b"ten,"), 1, [5, 15]),
        (lambda whole: whole.replace(b"0.25", b"a quarter"), 1, [5, 15]),
        (lambda whole: whole.replace(b"step", b"time"), 3, []),
        (lambda whole: whole.replace(b",", b";"), 3, []),
        (lambda whole: b"9" * 200_000 + b"\n" + whole, 4, []),
        (lambda whole: whole.replace(b"10,", b"9" * 5000 + b","), 1, [5, 15]),
        (lambda whole: b"", 0, []),
        (lambda whole: b"\x89PNG\r\n\x1a\n" * 9, 17, []),
    ],
)
def test_whole_lines_of_a_damaged_file_are_read(tmp_path, change, damaged, steps):
    path = tmp_path / "metrics.csv"
    rows = {5: {"loss": 0.5, "score": 1.125}, 10: {"loss": 0.25, "score": 2.125}, 15: {"loss": 0.125, "score": 3.125}}
    write_rows(path, rows)
    path.write_bytes(change(path.read_bytes()))
    found, lines = read_whole_rows(path)
    assert sorted(found) == steps
    assert all(found[step] == rows[step] for step in steps[:2])
    assert (lines > 0) == (damaged > 0)
