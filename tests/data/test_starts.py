from types import SimpleNamespace

import numpy as np
import pytest

from bsroformer.data.levels import ACTIVE, BETWEEN, SILENT
from bsroformer.data.starts import StartSampler, find_starts


def song(frames: int, block: int = 10) -> SimpleNamespace:
    return SimpleNamespace(frames=frames, levels=SimpleNamespace(block=block))


def everything(places: StartSampler) -> list[tuple[int, int]]:
    return [(run.song, start) for run in places.runs for start in range(run.first, run.first + run.starts)]


def test_every_start_of_every_song_comes_once_where_nothing_is_known():
    found = find_starts({0: song(12), 3: song(9), 5: song(5)}, 8, lambda _: None)
    assert (
        everything(found.active)
        == everything(found.heard)
        == [(0, start) for start in range(5)] + [(3, 0), (3, 1), (5, 0)]
    )
    assert len(found.between) == len(found.silent) == 0


def test_active_silent_and_other_starts_are_all_starts():
    kinds = {47: np.array([ACTIVE, SILENT, BETWEEN, ACTIVE]), 24: np.array([SILENT, ACTIVE])}  # 40 and 17 starts
    found = find_starts({0: song(47), 1: song(24)}, 8, lambda found: kinds[found.frames])
    assert everything(found.active) == [(0, s) for s in [*range(10), *range(30, 40)]] + [(1, s) for s in range(10, 17)]
    assert everything(found.between) == [(0, s) for s in range(20, 30)]
    assert everything(found.silent) == [(0, s) for s in range(10, 20)] + [(1, s) for s in range(10)]


@pytest.mark.parametrize(("kinds", "best"), [([SILENT, BETWEEN], BETWEEN), ([SILENT, SILENT], SILENT)])
def test_where_nothing_is_surely_heard_the_next_best_places_are_taken(kinds, best):
    found = find_starts({0: song(20 + 7)}, 8, lambda _: np.array(kinds))
    expected = [(0, start) for start in range(20) if kinds[start // 10] == best]
    assert everything(found.heard) == expected


def drawn(places: StartSampler, count: int = 6000) -> list[tuple[int, int]]:
    rng = np.random.default_rng(0)
    return [places.draw(rng) for _ in range(count)]


def test_the_starts_of_a_song_are_drawn_evenly_whether_it_is_one_stretch_or_several():
    kinds = {27: np.array([ACTIVE, SILENT]), 47: np.array([ACTIVE, SILENT, ACTIVE, ACTIVE])}
    for places in (
        find_starts({0: song(27)}, 8, lambda _: None).active,
        find_starts({0: song(47)}, 8, lambda found: kinds[found.frames]).active,
    ):
        draws, all_starts = drawn(places), everything(places)
        assert set(draws) == set(all_starts)
        assert all(abs(draws.count(place) / 6000 - 1 / len(all_starts)) < 0.012 for place in all_starts)


def test_each_second_of_music_counts_the_same_in_a_clip_shorter_than_an_excerpt_too():
    places = find_starts({0: song(5), 1: song(8), 2: song(87)}, 8, lambda _: None).active
    shares = [sum(number == drawn_song for drawn_song, _ in drawn(places)) / 6000 for number in range(3)]
    assert all(abs(share - length / 100) < 0.02 for share, length in zip(shares, (5, 8, 87), strict=True))


def test_a_stretch_of_a_song_stands_for_its_share_of_it():
    kinds = {27: np.array([ACTIVE, SILENT]), 28: np.array([ACTIVE, ACTIVE, ACTIVE])}
    places = find_starts({0: song(27), 1: song(28)}, 8, lambda found: kinds[found.frames]).active
    share = sum(drawn_song == 0 for drawn_song, _ in drawn(places)) / 6000
    assert abs(share - 13.5 / (13.5 + 28)) < 0.02
