import json
import math

import pytest

from bsroformer.evaluation import Evaluation
from bsroformer.evaluation.scores import mean_over_stems


@pytest.mark.parametrize("metric", ["SI-SDR", "SI-SDRi", "uSDR"])
def test_whole_song_metrics_are_means_over_songs(evaluation, metric):
    assert evaluation.scores["bass"][metric] == pytest.approx((1 + 2 + 9) / 3)


def test_framewise_metrics_are_medians_over_songs(evaluation):
    assert evaluation.scores["bass"]["cSDR"] == 2.0
    assert evaluation.scores["vocals"]["cSDR"] == 6.0  # of an even number of songs, the mean of the middle two


def test_undefined_scores_are_left_out_and_counted(evaluation):
    assert evaluation.scores["vocals"]["SI-SDR"] == pytest.approx((4 + 8) / 2)
    assert evaluation.undefined["vocals"]["SI-SDR"] == 1
    assert evaluation.undefined["bass"]["SI-SDR"] == 0


def test_the_mean_is_over_stems_after_songs(evaluation):
    mean = mean_over_stems(evaluation.scores)
    assert mean["SI-SDR"] == pytest.approx((4 + 6) / 2)
    assert mean["cSDR"] == pytest.approx((2 + 6) / 2)


def test_a_stem_without_any_score_is_left_out_of_the_mean():
    assert mean_over_stems({"bass": {"uSDR": 3.0}, "vocals": {"uSDR": math.nan}}) == {"uSDR": 3.0}
    assert math.isnan(mean_over_stems({"bass": {"uSDR": math.nan}})["uSDR"])


def test_a_stem_that_is_silent_in_every_song_has_no_average(evaluation):
    silent = Evaluation(evaluation.stems, evaluation.metrics, evaluation.songs[2:])
    assert all(math.isnan(value) for value in silent.scores["vocals"].values())


def test_the_results_have_the_documented_form(evaluation):
    results = evaluation.to_dict()
    assert results["stems"]["vocals"] == {"SI-SDR": 6.0, "SI-SDRi": 6.0, "uSDR": 6.0, "cSDR": 6.0}
    assert results["mean"]["SI-SDR"] == 5.0
    assert results["mixture"]["stems"]["bass"]["uSDR"] == -5.0
    assert results["mixture"]["mean"]["cSDR"] == -5.0
    assert results["undefined"]["vocals"]["cSDR"] == 1
    assert (results["frames"], results["undefined_frames"]) == (30, 6)
    assert [song["song"] for song in results["songs"]] == ["One", "Two", "Three, Sung"]
    assert results["songs"][0]["stems"]["vocals"]["SI-SDR"] == 4.0
    assert results["songs"][0]["mean"]["SI-SDR"] == 2.5
    assert results["songs"][0]["mixture"]["stems"]["vocals"]["SI-SDR"] == -5.0


def test_undefined_scores_are_null_in_json(evaluation):
    results = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert results["songs"][2]["stems"]["vocals"]["SI-SDR"] is None
    assert results["songs"][2]["mixture"]["stems"]["vocals"]["SI-SDR"] is None
    assert results["songs"][2]["mean"]["SI-SDR"] == 9.0
