import pytest

from bsroformer.text import MINUS, clock, count, decibels, listed


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["A"], "A"), (["A", "B", "C"], "A, B, C"), (["A", "B", "C", "D", "E"], "A, B, C and 2 more")],
)
def test_the_first_names_are_listed_and_the_others_counted(names, text):
    assert listed(names) == text


def test_separators_of_a_list_can_be_chosen():
    assert listed("ABC", most=1, separator="; ", last="; and ") == "A; and 2 more"


@pytest.mark.parametrize(("number", "text"), [(0, "0 songs"), (1, "1 song"), (2, "2 songs"), (1200, "1,200 songs")])
def test_only_one_is_singular(number, text):
    assert count(number, "song") == text


def test_decibels_have_one_digit_and_a_sign_on_request():
    assert decibels(-8.04) == "-8.0 dB"
    assert decibels(3.46, sign=True) == "+3.5 dB"
    assert decibels(-26, "dBFS") == "-26.0 dBFS"


def test_scores_have_more_digits_no_unit_or_a_minus_sign():
    assert decibels(-0.456, "", digits=2, minus=MINUS) == "−0.46"
    assert decibels(None) == decibels(float("nan")) == "–"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (187, "3:07"), (3599.6, "1:00:00"), (3723, "1:02:03")])
def test_a_clock_has_hours_only_if_needed(seconds, text):
    assert clock(seconds) == text
