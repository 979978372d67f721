import json
import math
from dataclasses import replace

import numpy as np
import pytest
from made_scores import evaluation_of, song_scores

from bsroformer.errors import InputError
from bsroformer.evaluation import Results, TrackScores
from bsroformer.evaluation.scores import mean_over_stems, median, with_mean
from bsroformer.metrics import METRICS, framewise_metrics
from bsroformer.report.evaluation_tables import best_score


@pytest.mark.parametrize("metric", ["SI-SDR", "SI-SDRi", "uSDR"])
def test_whole_song_metrics_are_means_over_songs(evaluation, metric):
    shift = 5 if metric == "SI-SDRi" else 0
    method = evaluation_of("lite", "model", *evaluation.songs, metrics=(metric,))
    assert method.scores["bass"][metric] == pytest.approx((1 + 2 + 9) / 3 + shift)


@pytest.mark.parametrize("metric", [metric.name for metric in framewise_metrics()])
def test_framewise_metrics_are_medians_over_songs(evaluation, metric):
    method = evaluation_of("lite", "model", *evaluation.songs, metrics=(metric,))
    assert method.scores["bass"][metric] == 2.0
    assert method.scores["vocals"][metric] == 6.0  # of an even number of songs, the mean of the middle two


def test_a_framewise_score_is_the_median_of_defined_seconds():
    frames = {"bass": {"SDR": (1.0, math.nan, 2.0, 9.0)}, "vocals": {"SDR": (5.0, math.nan, 6.0, 7.0)}}
    whole = {stem: {"uSDR": 0.0, "SI-SDR": 0.0, "SI-SDRi": 0.0} for stem in frames}
    song = TrackScores("A", 4.0, whole, frames)
    assert song.scores(["cSDR"]) == {"bass": {"cSDR": 2.0}, "vocals": {"cSDR": 6.0}}
    assert (song.seconds_scored, song.seconds_undefined, song.silent) == (4, 1, ())


def test_averages_ignore_and_count_undefined_scores(evaluation):
    assert evaluation.scores["vocals"]["SI-SDR"] == pytest.approx((4 + 8) / 2)
    assert evaluation.undefined["vocals"] == {"cSDR": 1, "uSDR": 1, "SI-SDR": 1}
    assert evaluation.undefined["bass"] == {"cSDR": 0, "uSDR": 0, "SI-SDR": 0}


def test_a_silent_stem_makes_no_second_undefined_for_the_others(evaluation):
    song = evaluation.songs[2]
    assert song.silent == ("vocals",)
    assert (song.seconds_scored, song.seconds_undefined) == (10, 2)


def test_the_mean_is_over_stems_after_songs(evaluation):
    assert evaluation.averages["mean"] == pytest.approx({"cSDR": (2 + 6) / 2, "uSDR": 5.0, "SI-SDR": 5.0})
    assert list(evaluation.averages) == ["bass", "vocals", "mean"]


def test_the_mean_ignores_a_stem_without_scores():
    assert mean_over_stems({"bass": {"uSDR": 3.0}, "vocals": {"uSDR": math.nan}}) == {"uSDR": 3.0}
    assert math.isnan(with_mean({"bass": {"uSDR": math.nan}})["mean"]["uSDR"])


def test_a_stem_that_is_silent_in_every_song_has_no_average(evaluation):
    silent = evaluation_of("lite", "model", evaluation.songs[2])
    assert all(math.isnan(value) for value in silent.scores["vocals"].values())


def test_a_songs_scores_survive_json_to_the_last_digit():
    song = song_scores("Née", 0.1 + 0.2, math.nan, undefined=3)
    text = json.dumps(song.to_dict(), allow_nan=False)
    assert "NaN" not in text
    assert repr(TrackScores.from_dict(json.loads(text))) == repr(song)


@pytest.mark.parametrize(
    "frames", [[1.0, 5.0], [4.0, math.nan, 1.0, 2.0], [math.nan, 3.0], [9.0, 7.0, 8.0, math.nan, 1.0]]
)
def test_the_median_skips_undefined_frames(frames):
    assert median(frames) == np.nanmedian(frames)


def test_the_median_of_undefined_frames_is_undefined():
    assert math.isnan(median([math.nan, math.nan]))
    assert math.isnan(median([]))


def test_a_metric_that_was_not_computed_gives_a_sentence(evaluation):
    song = evaluation.songs[0]
    quick = replace(song, frames={stem: {"SDR": frames["SDR"]} for stem, frames in song.frames.items()})
    assert quick.has(["cSDR", "SI-SDR"])
    assert not quick.has(["cSDR", "SIR"])
    with pytest.raises(InputError, match=r"the scores of One lack SIR; evaluate it again with metrics=\[SIR\]"):
        quick.score("bass", "SIR")


def test_an_unknown_metric_gives_a_sentence(evaluation):
    with pytest.raises(InputError, match="PESQ must be one of the metrics cSDR, SIR"):
        evaluation.songs[0].score("bass", "PESQ")


def test_a_metric_may_be_better_where_it_is_lower(evaluation, monkeypatch):
    lower = replace(METRICS["uSDR"], higher_is_better=False)
    monkeypatch.setitem(METRICS, "uSDR", lower)
    other = evaluation_of("full", "model", song_scores("One", 0.5, 5.0))
    [pair] = Results((evaluation, other)).differences
    assert pair.scores["bass"]["uSDR"].better == 1
    assert pair.scores["vocals"]["uSDR"].better == 0
    assert best_score("uSDR", [None, 3.0, 1.0]) == 1.0
