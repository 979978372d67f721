from types import SimpleNamespace

import numpy as np
import pytest

from bsroformer.data.levels import ACTIVE, BETWEEN, SILENT
from bsroformer.data.places import Places, find_places


def song(frames: int, block: int = 10) -> SimpleNamespace:
    return SimpleNamespace(frames=frames, levels=SimpleNamespace(block=block))


def everything(places: Places) -> list[tuple[int, int]]:
    return [places.at(number) for number in range(len(places))]


def test_every_start_of_every_song_comes_once_where_nothing_is_known():
    found = find_places({0: song(12), 3: song(9), 5: song(5)}, 8, lambda _: None)
    assert (
        everything(found.active)
        == everything(found.heard)
        == [(0, start) for start in range(5)] + [(3, 0), (3, 1), (5, 0)]
    )
    assert len(found.between) == len(found.silent) == 0


def test_active_silent_and_other_starts_are_all_starts():
    kinds = {47: np.array([ACTIVE, SILENT, BETWEEN, ACTIVE]), 24: np.array([SILENT, ACTIVE])}  # 40 and 17 starts
    found = find_places({0: song(47), 1: song(24)}, 8, lambda found: kinds[found.frames])
    assert everything(found.active) == [(0, s) for s in [*range(10), *range(30, 40)]] + [(1, s) for s in range(10, 17)]
    assert everything(found.between) == [(0, s) for s in range(20, 30)]
    assert everything(found.silent) == [(0, s) for s in range(10, 20)] + [(1, s) for s in range(10)]


@pytest.mark.parametrize(("kinds", "best"), [([SILENT, BETWEEN], BETWEEN), ([SILENT, SILENT], SILENT)])
def test_where_nothing_is_surely_heard_the_next_best_places_are_taken(kinds, best):
    found = find_places({0: song(20 + 7)}, 8, lambda _: np.array(kinds))
    expected = [(0, start) for start in range(20) if kinds[start // 10] == best]
    assert everything(found.heard) == expected


def test_draws_are_even():
    places = find_places({0: song(10), 1: song(20)}, 6, lambda _: None).active
    rng = np.random.default_rng(0)
    drawn = [places.draw(rng) for _ in range(4000)]
    assert set(drawn) == set(everything(places))
    assert all(abs(drawn.count(place) / 4000 - 1 / 20) < 0.015 for place in everything(places))
