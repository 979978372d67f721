import math

from bsroformer.report.rows import read_rows, write_rows


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
