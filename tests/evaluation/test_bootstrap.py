import math

import numpy as np
import pytest
from made_scores import METRICS, evaluation_of, song_scores
from scipy import stats

from bsroformer.evaluation.bootstrap import RESAMPLES, averages_of_copies, differences, intervals, resamples
from bsroformer.evaluation.scores import average


def method(values, name="lite", metrics=METRICS):
    """A method whose scores are given: (song stem) dB; NaN where a stem is silent."""
    songs = [song_scores(f"Song {n}", *map(float, of)) for n, of in enumerate(values)]
    return evaluation_of(name, "model", *songs, metrics=metrics)


def random_scores(seed, songs=30, stems=2, spread=2.0):
    return np.random.default_rng(seed).normal(6.0, spread, (songs, stems))


def width(interval):
    return interval[1] - interval[0]


@pytest.mark.parametrize("metric", ["uSDR", "cSDR"])
@pytest.mark.parametrize("songs", [1, 2, 5, 6])
def test_averages_of_copies_are_those_of_the_songs_written_out(metric, songs):
    scores = random_scores(songs, songs, stems=3)
    scores[0, 1] = math.nan
    copies = np.random.default_rng(0).integers(0, 4, (20, songs)).astype(float)
    expected = [[average(metric, np.repeat(stem, of.astype(int)).tolist()) for stem in scores.T] for of in copies]
    np.testing.assert_allclose(averages_of_copies(metric, scores, copies), expected, rtol=1e-12)


def test_a_resample_has_as_many_songs_as_there_are():
    copies = resamples(7)
    assert copies.shape == (RESAMPLES, 7)
    assert (copies.sum(axis=1) == 7).all()
    assert copies.mean(axis=0) == pytest.approx(np.ones(7), abs=0.05)


def test_the_same_songs_give_the_same_interval():
    scores = random_scores(0)
    once = intervals(method(scores))
    resamples.cache_clear()
    assert intervals(method(scores)) == once


@pytest.mark.parametrize(("metric", "statistic"), [("uSDR", np.mean), ("cSDR", np.median)])
def test_intervals_are_those_of_scipy(metric, statistic):
    scores = random_scores(1)
    found = intervals(method(scores))["vocals"][metric]
    of_scipy = stats.bootstrap(
        (scores[:, 1],), statistic, method="percentile", n_resamples=20_000, rng=np.random.default_rng(3)
    ).confidence_interval
    assert found == pytest.approx(tuple(of_scipy), abs=0.05)  # 0.14 of the statistic's standard error


def test_intervals_hold_the_truth_in_about_95_of_100_cases():
    truth, cases = 6.0, 120
    held = {"uSDR": 0, "cSDR": 0}
    for seed in range(cases):
        found = intervals(method(random_scores(seed, songs=40), metrics=("uSDR", "cSDR")))["mean"]
        for metric in held:
            lower, upper = found[metric]
            held[metric] += lower <= truth <= upper
    assert all(0.90 <= count / cases <= 0.99 for count in held.values()), held


def test_more_songs_make_a_narrower_interval():
    few, many = (intervals(method(random_scores(0, songs)))["bass"]["uSDR"] for songs in (10, 160))
    assert width(many) == pytest.approx(width(few) / 4, rel=0.4)


def test_songs_that_are_all_alike_leave_no_doubt():
    found = intervals(method(np.full((5, 2), 3.25)))
    assert all(of == dict.fromkeys(METRICS, (3.25, 3.25)) for of in found.values())


def test_one_song_or_a_stem_in_one_song_has_no_interval():
    assert set(intervals(method([[1.0, 2.0]]))["mean"].values()) == {None}
    found = intervals(method([[1.0, 2.0], [3.0, math.nan], [5.0, math.nan]]))
    assert found["vocals"]["uSDR"] is None
    assert found["bass"]["uSDR"] == pytest.approx((1.0, 5.0))
    assert found["mean"]["uSDR"] is not None


def test_resamples_ignore_undefined_scores():
    scores = random_scores(4, songs=40)
    scores[::2, 0] = math.nan
    alone = intervals(method(scores[1::2]))["bass"]["uSDR"]
    assert intervals(method(scores))["bass"]["uSDR"] == pytest.approx(alone, abs=0.12)


def test_a_difference_of_averages_has_a_paired_interval():
    scores = random_scores(5)
    better = scores + np.random.default_rng(6).normal(0.5, 0.2, scores.shape)
    one, other = method(better, "full"), method(scores, "lite")
    found = differences(one, other)
    assert (found.method, found.minus, found.songs) == ("full", "lite", 30)
    for row in ("bass", "vocals", "mean"):
        for metric in METRICS:
            of = found.scores[row][metric]
            assert of.difference == pytest.approx(one.averages[row][metric] - other.averages[row][metric])
            assert of.interval[0] <= of.difference <= of.interval[1]
    sides = intervals(one)["mean"]["uSDR"], intervals(other)["mean"]["uSDR"]
    assert width(found.scores["mean"]["uSDR"].interval) < 0.2 * min(map(width, sides))
    assert sides[0][0] < sides[1][1]  # unpaired, the two could be the same
    assert found.scores["mean"]["uSDR"].interval[0] > 0


def test_the_paired_interval_is_that_of_the_songs_differences():
    scores = random_scores(7)
    shifts = np.random.default_rng(8).normal(0.3, 1.0, scores.shape)
    paired = differences(method(scores + shifts, "full"), method(scores)).scores["bass"]["uSDR"]
    assert paired.interval == pytest.approx(intervals(method(shifts))["bass"]["uSDR"])
    assert paired.better == (shifts[:, 0] > 0).sum()


def test_a_constant_difference_is_certain():
    scores = random_scores(9)
    found = differences(method(scores + 1.5, "full"), method(scores)).scores["mean"]
    for of in found.values():
        assert (of.difference, *of.interval) == pytest.approx((1.5, 1.5, 1.5))
        assert (of.better, of.songs) == (30, 30)


def test_a_method_is_not_better_than_itself():
    one = method(random_scores(10))
    found = differences(one, one).scores["mean"]["cSDR"]
    assert (found.difference, found.interval, found.better, found.songs) == (0, (0, 0), 0, 30)


def test_differences_are_over_the_songs_that_both_scored():
    one = evaluation_of("full", "model", song_scores("A", 3.0, 9.0), song_scores("B", 100.0, 100.0))
    other = evaluation_of(
        "lite", "model", song_scores("C", -50.0, -50.0), song_scores("A", 1.0, 10.0), song_scores("D", 0.0, 0.0)
    )
    found = differences(one, other)
    assert found.songs == 1
    assert {row: of["uSDR"].difference for row, of in found.scores.items()} == {"bass": 2, "vocals": -1, "mean": 0.5}
    assert {row: of["uSDR"].better for row, of in found.scores.items()} == {"bass": 1, "vocals": 0, "mean": 1}
    assert found.scores["bass"]["uSDR"].interval is None


def test_a_song_scored_by_one_method_counts_for_neither():
    one, other = method([[1.0, 2.0], [3.0, math.nan]], "full"), method([[0.0, 0.0], [0.0, 50.0]])
    found = differences(one, other).scores
    assert (found["vocals"]["uSDR"].difference, found["vocals"]["uSDR"].songs) == (2.0, 1)
    assert (found["bass"]["uSDR"].difference, found["bass"]["uSDR"].songs) == (2.0, 2)
    assert (found["mean"]["uSDR"].better, found["mean"]["uSDR"].songs) == (2, 2)


def test_methods_without_a_song_in_common_have_no_difference():
    one, other = (evaluation_of(name, "model", song_scores(name, 1.0, 1.0)) for name in "AB")
    found = differences(one, other).scores["mean"]["cSDR"]
    assert math.isnan(found.difference)
    assert (found.interval, found.better, found.songs) == (None, 0, 0)
