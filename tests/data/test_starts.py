from types import SimpleNamespace

import numpy as np
import pytest
from counting_tracks import all_starts

from bsroformer.data.levels import ACTIVE, BETWEEN, SILENT
from bsroformer.data.starts import StartSampler, find_starts


def track(frames: int, block: int = 10) -> SimpleNamespace:
    return SimpleNamespace(frames=frames, weight=1.0, levels=SimpleNamespace(block=block))


def test_without_levels_every_start_of_every_track_is_active():
    found = find_starts({0: track(12), 3: track(9), 5: track(5)}, 8, lambda _: None)
    assert (
        all_starts(found.active)
        == all_starts(found.best)
        == [(0, start) for start in range(5)] + [(3, 0), (3, 1), (5, 0)]
    )
    assert len(found.between) == len(found.silent) == 0


def test_active_silent_and_other_starts_are_all_starts():
    kinds = {47: np.array([ACTIVE, SILENT, BETWEEN, ACTIVE]), 24: np.array([SILENT, ACTIVE])}  # 40 and 17 starts
    found = find_starts({0: track(47), 1: track(24)}, 8, lambda found: kinds[found.frames])
    assert all_starts(found.active) == [(0, s) for s in [*range(10), *range(30, 40)]] + [(1, s) for s in range(10, 17)]
    assert all_starts(found.between) == [(0, s) for s in range(20, 30)]
    assert all_starts(found.silent) == [(0, s) for s in range(10, 20)] + [(1, s) for s in range(10)]


@pytest.mark.parametrize(("kinds", "best"), [([SILENT, BETWEEN], BETWEEN), ([SILENT, SILENT], SILENT)])
def test_without_active_starts_the_next_best_are_drawn(kinds, best):
    found = find_starts({0: track(20 + 7)}, 8, lambda _: np.array(kinds))
    expected = [(0, start) for start in range(20) if kinds[start // 10] == best]
    assert all_starts(found.best) == expected


def drawn(sampler: StartSampler, count: int = 6000) -> list[tuple[int, int]]:
    rng = np.random.default_rng(0)
    return [sampler.draw(rng) for _ in range(count)]


def test_starts_are_drawn_evenly_from_one_or_several_intervals():
    kinds = {27: np.array([ACTIVE, SILENT]), 47: np.array([ACTIVE, SILENT, ACTIVE, ACTIVE])}
    for sampler in (
        find_starts({0: track(27)}, 8, lambda _: None).active,
        find_starts({0: track(47)}, 8, lambda found: kinds[found.frames]).active,
    ):
        draws = drawn(sampler)
        starts = all_starts(sampler)
        assert set(draws) == set(starts)
        assert all(abs(draws.count(start) / 6000 - 1 / len(starts)) < 0.012 for start in starts)


def test_each_second_of_music_is_equally_likely():
    sampler = find_starts({0: track(5), 1: track(8), 2: track(87)}, 8, lambda _: None).active
    shares = [sum(number == drawn_track for drawn_track, _ in drawn(sampler)) / 6000 for number in range(3)]
    assert all(abs(share - length / 100) < 0.02 for share, length in zip(shares, (5, 8, 87), strict=True))


def test_an_interval_is_weighted_by_its_share_of_the_track():
    kinds = {27: np.array([ACTIVE, SILENT]), 28: np.array([ACTIVE, ACTIVE, ACTIVE])}
    sampler = find_starts({0: track(27), 1: track(28)}, 8, lambda found: kinds[found.frames]).active
    share = sum(drawn_track == 0 for drawn_track, _ in drawn(sampler)) / 6000
    assert abs(share - 13.5 / (13.5 + 28)) < 0.02
