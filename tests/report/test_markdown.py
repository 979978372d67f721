from bsroformer.report.markdown import markdown


def test_a_bar_in_a_name_divides_no_cell():
    assert markdown(("song",), [("A|B",)]).splitlines()[-1] == r"| A\|B |"


def test_decibels_have_two_digits_and_words_stay():
    assert markdown(("song", "SI-SDR"), [("A", 1.256)]) == "| song | SI-SDR |\n| --- | --- |\n| A | 1.26 |"
