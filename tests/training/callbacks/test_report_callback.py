from types import SimpleNamespace

import pytest

from bsroformer.report.metrics_csv import write_rows
from bsroformer.report.run_page import REPORT
from bsroformer.training.callbacks.report import Report


def state(**changes) -> SimpleNamespace:
    """A trainer after a validation."""
    return SimpleNamespace(**{"sanity_checking": False, "is_global_zero": True} | changes)


def test_the_report_follows_each_validation(tmp_path):
    report = Report(str(tmp_path))
    for score in (1.0, 2.0):
        write_rows(tmp_path / "metrics.csv", {1: {"val/si_sdr": score}})
        report.on_validation_end(state(), None)
        assert f"{score:.2f}" in (tmp_path / REPORT).read_text("utf-8")


@pytest.mark.parametrize("change", [{"sanity_checking": True}, {"is_global_zero": False}])
def test_the_sanity_check_and_other_ranks_write_no_report(tmp_path, change):
    Report(str(tmp_path)).on_validation_end(state(**change), None)
    assert not (tmp_path / REPORT).exists()


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match=r"Training continues: .*file/run/report\.html cannot be written"):
        Report(str(tmp_path / "file" / "run")).write()
