from types import SimpleNamespace

import numpy as np

from bsroformer.data.places import Places, find_places


def song(frames: int, block: int = 10) -> SimpleNamespace:
    return SimpleNamespace(frames=frames, levels=SimpleNamespace(block=block))


def everything(places: Places) -> list[tuple[int, int]]:
    return [places.at(number) for number in range(len(places))]


def test_every_start_of_every_song_comes_once_where_nothing_is_known():
    active, silent = find_places({0: song(12), 3: song(9), 5: song(5)}, 8, lambda _: None)
    assert everything(active) == [(0, start) for start in range(5)] + [(3, 0), (3, 1), (5, 0)]
    assert len(silent) == 0


def test_active_and_silent_starts_are_all_starts():
    masks = {47: np.array([True, False, False, True]), 24: np.array([False, True])}  # 40 and 17 starts
    active, silent = find_places({0: song(47), 1: song(24)}, 8, lambda found: masks[found.frames])
    assert everything(active) == [(0, s) for s in [*range(10), *range(30, 40)]] + [(1, s) for s in range(10, 17)]
    assert everything(silent) == [(0, s) for s in range(10, 30)] + [(1, s) for s in range(10)]


def test_draws_are_even():
    places, _ = find_places({0: song(10), 1: song(20)}, 6, lambda _: None)
    rng = np.random.default_rng(0)
    drawn = [places.draw(rng) for _ in range(4000)]
    assert set(drawn) == set(everything(places))
    assert all(abs(drawn.count(place) / 4000 - 1 / 20) < 0.015 for place in everything(places))
