import math

from bsroformer.report.html_cells import cell_text, score_text
from bsroformer.report.validation_table import latest_and_best, validation_table


def validated(score: float) -> dict[str, float]:
    return {f"val/{name}{of}": score for name in ("si_sdr", "sdr") for of in ("", "_vocals", "_other")}


def test_the_best_validation_is_the_first_of_the_highest_score():
    rows = {1: validated(1.0), 2: validated(5.0), 3: {"train/loss": 0.0}, 4: validated(5.0), 5: validated(2.0)}
    assert latest_and_best(rows) == (5, 2)


def test_a_validation_without_a_score_is_neither_latest_nor_best():
    assert latest_and_best({1: validated(math.nan), 2: {"train/loss": 0.0}}) is None
    assert latest_and_best({1: validated(1.0), 2: validated(math.nan)}) == (1, 1)


def test_each_stem_has_its_latest_and_its_best_scores():
    table = validation_table({1: validated(5.0) | {"val/sdr_vocals": 7.0}, 2: validated(-2.0)}, ["vocals", "other"])
    assert table.columns == ("SI-SDR, latest", "SDR, latest", "SI-SDR, best", "SDR, best")
    assert [(line.name, line.colour, tuple(map(cell_text, line.cells))) for line in table.lines] == [
        ("vocals", "0", ("−2.00", "−2.00", "5.00", "7.00")),
        ("other", "1", ("−2.00", "−2.00", "5.00", "5.00")),
        ("mean", None, ("−2.00", "−2.00", "5.00", "5.00")),
    ]


def test_there_is_no_table_before_the_first_validation():
    assert validation_table({5: {"train/loss": 1.0}}, ["vocals"]) is None


def test_an_undefined_score_is_a_dash():
    assert [score_text(value) for value in (None, math.nan, -0.5)] == ["–", "–", "−0.50"]


def test_a_difference_has_a_sign():
    assert [score_text(value, sign=True) for value in (0.5, -0.5, None)] == ["+0.50", "−0.50", "–"]
