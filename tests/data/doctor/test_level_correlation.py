import numpy as np
import pytest
from damaged_songs import FORM, examined

from bsroformer.data.doctor import Requirements, comparison_work, judge
from bsroformer.data.doctor.level_correlation import SeriesCache, best_lag, correlated_pairs, fft_size, smooth_levels


def levels(hops: int, seed: int) -> np.ndarray:
    """Levels of notes in dB, unique to their seed."""
    rng = np.random.default_rng(seed)
    places = np.arange(0, hops + 10, 10)
    return smooth_levels((np.interp(np.arange(hops), places, rng.uniform(0, 1, len(places))) ** 4).astype(np.float32))


def pairs(series):
    return correlated_pairs(series, lambda work: None)


def test_a_clip_cut_out_of_a_long_song_is_found():
    song = levels(30_000, 0)
    clips = [levels(250, seed) for seed in range(1, 6)]
    assert pairs([*clips, song[7_000:7_250], song]) == [(5, 6, -7_000)]
    assert pairs([song, *clips, song[7_000:7_250]]) == [(0, 6, 7_000)]


def test_a_longer_series_does_not_change_the_other_pairs():
    series = [levels(300 + 40 * number, number) for number in range(8)]
    series += [series[3][50:], series[6][:300]]
    found = pairs(series)
    assert [(one, other) for one, other, _ in found] == [(3, 8), (6, 9)]
    assert pairs([*series, levels(20_000, 99)]) == found


def test_nothing_depends_on_how_much_is_cached(monkeypatch):
    series = [levels(300 + 40 * number, number % 5) for number in range(10)]
    found = pairs(series)
    monkeypatch.setattr("bsroformer.data.doctor.level_correlation.MAX_CACHED_BYTES", 30_000)
    assert pairs(series) == found
    prepared = SeriesCache(series)
    for number in range(10):
        prepared.get(number, 1024)
    assert 0 < sum(each.bytes for each in prepared._cached.values()) <= 30_000
    prepared.drop_below(2048)
    assert prepared._free == 30_000 and not prepared._cached


@pytest.mark.parametrize(("length", "other"), [(500, 130), (129, 128), (257, 257)])
def test_the_best_lag_is_that_of_the_plain_sums(length, other):
    one, two = levels(length, 1), levels(other, 2)
    size = fft_size(len(one), len(two))
    prepared = SeriesCache([one, two])
    score, lag = best_lag(prepared.get(0, size), prepared.get(1, size), size)
    least = round(0.5 * min(len(one), len(two)))
    plain = {}
    for shift in range(least - len(two), len(one) - least + 1):
        begin, end = max(0, shift), min(len(one), len(two) + shift)
        plain[shift] = np.corrcoef(one[begin:end], two[begin - shift : end - shift])[0, 1]
    assert lag == max(plain, key=plain.__getitem__)
    assert score == pytest.approx(plain[lag], rel=1e-9)


def test_all_of_the_work_is_reported(root):
    songs = examined(root)
    done: list[int] = []
    judge(songs, Requirements(FORM, 1.0), done.append)
    assert sum(done) == comparison_work(songs) > 0
