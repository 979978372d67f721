import json

import pytest
from made_scores import METRICS, evaluation_of, song_scores

from bsroformer.evaluation import Evaluation, Results
from bsroformer.evaluation.bootstrap import differences, intervals


def test_floor_and_ceilings_are_not_compared(results):
    assert results["IRM1"].kind == "oracle"
    assert [method.method for method in results.evaluated] == ["lite", "full"]
    assert [(pair.method, pair.minus) for pair in results.differences] == [("full", "lite")]


def test_each_pair_of_methods_is_later_minus_earlier():
    methods = [
        evaluation_of(name, kind, song_scores("A", 1.0, 1.0))
        for name, kind in (("mixture", "mixture"), ("a", "model"), ("b", "estimates"), ("c", "model"))
    ]
    pairs = [(pair.method, pair.minus) for pair in Results(tuple(methods)).differences]
    assert pairs == [("b", "a"), ("c", "a"), ("c", "b")]


def test_songs_are_those_that_any_method_scored(results):
    assert results.songs == ("One", "Two", "Three, Sung")


def test_of_one_stem_there_is_no_mean():
    one = Results((evaluation_of("a", "model", song_scores("A", 1.0, stems=("vocals",))),))
    assert one.rows == ("vocals",)


def test_results_have_the_documented_form(results):
    tree = results.to_dict()
    assert list(tree) == [
        "stems",
        "metrics",
        "split",
        "songs",
        "methods",
        "differences",
        "undefined_seconds",
        "failures",
        "made",
    ]
    assert (tree["stems"], tree["metrics"]) == (["bass", "vocals"], list(METRICS))
    assert (tree["split"], tree["songs"]) == ("test", 3)
    assert tree["made"] == {"methods": {"lite": {"checkpoint": "lite.ckpt"}}}
    assert [(method["name"], method["kind"]) for method in tree["methods"]] == [
        ("mixture", "mixture"),
        ("lite", "model"),
        ("full", "model"),
        ("IRM1", "oracle"),
    ]
    lite = tree["methods"][1]
    assert lite["scores"]["vocals"] == {"cSDR": 6.0, "uSDR": 6.0, "SI-SDR": 6.0}
    assert lite["scores"]["mean"]["uSDR"] == 5.0
    assert lite["undefined"]["vocals"]["cSDR"] == 1
    assert (lite["seconds"], lite["seconds_undefined"]) == (30, 2)
    assert lite["songs"][2]["song"] == "Three, Sung"
    assert lite["songs"][2]["scores"] == {
        "bass": {"cSDR": 9.0, "uSDR": 9.0, "SI-SDR": 9.0},
        "vocals": {"cSDR": None, "uSDR": None, "SI-SDR": None},
        "mean": {"cSDR": 9.0, "uSDR": 9.0, "SI-SDR": 9.0},
    }
    assert (lite["songs"][2]["seconds"], lite["songs"][2]["seconds_scored"]) == (10.5, 10)
    assert lite["songs"][2]["seconds_undefined"] == 2


def test_intervals_and_differences_are_those_of_the_bootstrap(results):
    tree = results.to_dict()
    expected = intervals(results["lite"])["bass"]["uSDR"]
    assert tree["methods"][1]["intervals"]["bass"]["uSDR"] == pytest.approx(expected, abs=1e-4)
    (pair,) = tree["differences"]
    of = differences(results["full"], results["lite"]).scores["bass"]["uSDR"]
    assert (pair["method"], pair["minus"], pair["songs"]) == ("full", "lite", 2)
    assert pair["scores"]["bass"]["uSDR"] == {
        "difference": pytest.approx(of.difference),
        "interval": pytest.approx(list(of.interval), abs=1e-4),
        "better": 2,
        "songs": 2,
    }
    assert pair["scores"]["vocals"]["uSDR"] == {"difference": 1.5, "interval": None, "better": 1, "songs": 1}


def test_undefined_scores_and_failures_are_listed(results):
    tree = results.to_dict()
    assert tree["undefined_seconds"] == [
        {"song": "Three, Sung", "method": "lite", "seconds": 10, "undefined": 2},
        {"song": "Three, Sung", "method": "full", "seconds": 10, "undefined": 3},
    ]
    assert tree["failures"] == [
        {"song": "Two", "method": "full", "reason": "The estimates hold NaN; separate in float32."},
        {"song": "Four", "method": None, "reason": "vocals.wav cannot be read."},
    ]


def test_decibels_have_four_digits_and_what_is_undefined_is_null():
    method = evaluation_of("a", "model", song_scores("A", 1 / 3, float("nan")), song_scores("B", 2 / 3, float("nan")))
    tree = json.loads(json.dumps(Results((method,)).to_dict(), allow_nan=False))
    assert tree["methods"][0]["songs"][0]["scores"]["bass"]["uSDR"] == 0.3333
    assert tree["methods"][0]["scores"]["vocals"]["uSDR"] is None
    assert tree["methods"][0]["intervals"]["bass"]["cSDR"] == [0.3333, 0.6667]


def test_results_without_a_method_or_a_song_are_written_too():
    tree = Results(()).to_dict()
    assert (tree["songs"], tree["methods"], tree["differences"]) == (0, [], [])
    methods = tuple(Evaluation(name, "model", ("bass",), ("cSDR",), ()) for name in "ab")
    tree = Results(methods).to_dict()
    assert tree["methods"][0]["scores"] == {"bass": {"cSDR": None}, "mean": {"cSDR": None}}
    assert tree["methods"][0]["intervals"]["mean"] == {"cSDR": None}
    assert tree["differences"][0]["scores"]["mean"]["cSDR"]["difference"] is None
