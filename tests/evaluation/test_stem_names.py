import pytest

from bsroformer.errors import InputError
from bsroformer.evaluation.stem_names import common_stems, matched, unmatched

MUSDB = ("vocals", "drums", "bass", "other")


def test_capitals_and_order_do_not_matter():
    assert matched(("Other", "VOCALS", "bass", "drums"), MUSDB) == {
        "vocals": "VOCALS",
        "drums": "drums",
        "bass": "bass",
        "other": "Other",
    }


@pytest.mark.parametrize(
    "name", ["accompaniment", "Instrumental", "no_vocals", "No Vocals", "instrum", "minus_vocals", "residual"]
)
def test_what_is_left_without_vocals_is_the_accompaniment(name):
    assert matched(("vocals", name), MUSDB) == {"vocals": "vocals", "accompaniment": name}


def test_the_other_of_two_stems_is_the_accompaniment():
    assert matched(("vocals", "other"), MUSDB) == {"vocals": "vocals", "accompaniment": "other"}
    assert matched(("vocals", "other"), ("vocals", "other")) == {"vocals": "vocals", "other": "other"}
    assert matched(("other",), MUSDB) == {"other": "other"}


@pytest.mark.parametrize("third", ["instrumental", "residual", "karaoke", "mixture"])
def test_a_third_file_does_not_make_the_rest_musdbs_other(third):
    rest = "instrumental" if third == "instrumental" else "other"
    assert matched(("vocals", "other", third), MUSDB) == {"vocals": "vocals", "accompaniment": rest}


@pytest.mark.parametrize(
    "own", [("vocals", "drums", "other"), ("drums", "other"), ("vocals", "guitar", "other"), (*MUSDB, "piano")]
)
def test_the_rest_of_some_stems_is_not_musdbs_other(own):
    names = matched(own, MUSDB)
    assert names == {stem: stem for stem in MUSDB if stem in own and stem != "other"}
    assert "other" in unmatched(own, MUSDB)


def test_stems_without_a_counterpart_are_listed():
    assert unmatched(("vocals", "other", "instrumental", "click"), MUSDB) == ["other", "click"]
    assert unmatched((*MUSDB, "residual"), MUSDB) == []


def test_no_vocals_or_vocals_alone_give_no_accompaniment():
    assert matched(("vocals", "instrumental"), ("drums", "bass")) == {}
    assert matched(("vocals", "instrumental"), ("vocals",)) == {"vocals": "vocals"}


def test_common_stems_are_scored_in_the_order_of_the_songs():
    methods = {"a": ("other", "bass", "drums", "vocals"), "b": ("drums", "vocals")}
    assert common_stems(methods, MUSDB, None) == ["vocals", "drums"]
    assert common_stems({"a": methods["a"]}, MUSDB, None) == list(MUSDB)


def test_the_accompaniment_is_scored_where_it_is_not_parted():
    vocals_model, folder = ("vocals", "other"), ("vocals", "instrumental")
    assert common_stems({"a": vocals_model, "b": folder}, MUSDB, None) == ["vocals", "accompaniment"]
    assert common_stems({"a": (*MUSDB, "instrumental")}, MUSDB, None) == list(MUSDB)
    assert common_stems({"a": (*MUSDB, "instrumental")}, MUSDB, ["accompaniment"]) == ["accompaniment"]


def test_stems_can_be_chosen():
    assert common_stems({"a": MUSDB}, MUSDB, ["Bass", "vocals", "bass"]) == ["bass", "vocals"]
    with pytest.raises(InputError, match=r"stems is empty; choose from vocals"):
        common_stems({"a": MUSDB}, MUSDB, [])


def test_a_stem_that_a_method_lacks_is_refused_with_its_name():
    with pytest.raises(InputError, match=r"stems names bass, which b lack; choose from vocals"):
        common_stems({"a": MUSDB, "b": ("vocals",)}, MUSDB, ["bass"])
    with pytest.raises(InputError, match=r"stems names piano, which a lack; choose from vocals, drums"):
        common_stems({"a": MUSDB}, MUSDB, ["piano"])


def test_methods_without_common_stems_are_refused():
    with pytest.raises(InputError, match=r"vocals, drums.*a has vocals; b has piano"):
        common_stems({"a": ("vocals",), "b": ("piano",)}, MUSDB, None)
