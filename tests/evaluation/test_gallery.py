import math
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from bsroformer.errors import InputError
from bsroformer.evaluation.gallery import LOCK, Gallery, ScoredExcerpt, lowest_and_highest
from bsroformer.report.excerpts import Excerpt, find_excerpts, worst_and_best

RATE = 100


def song(name: str, seconds: int = 2) -> SimpleNamespace:
    targets = torch.randn(2, 2, seconds * RATE)
    return SimpleNamespace(
        name=name, sample_rate=RATE, stems=("vocals", "other"), mixture=targets.sum(0), targets=targets
    )


def gallery_in(folder: Path, count: int = 2, seconds: float = 10.0, methods: tuple[str, ...] = ("lite",)) -> Gallery:
    return Gallery(folder, methods, count, seconds)


def take(gallery: Gallery, a_song: SimpleNamespace, estimates: torch.Tensor, score: float) -> ScoredExcerpt:
    return ScoredExcerpt(estimates[..., gallery.excerpt_of(a_song)], score)


def consider(gallery: Gallery, scores: dict[str, float], method: str = "lite") -> None:
    for name, score in scores.items():
        a_song = song(name)
        gallery.consider(a_song, {method: take(gallery, a_song, a_song.targets + 0.1, score)})


def shown(gallery: Gallery, method: str = "lite") -> tuple[list[str], list[str]]:
    worst, best = worst_and_best(find_excerpts(gallery.folder / method))
    return [excerpt.song for excerpt in worst], [excerpt.song for excerpt in best]


def test_only_the_worst_and_the_best_have_excerpts(tmp_path):
    consider(gallery_in(tmp_path), {"A": 3.0, "B": -1.0, "C": 7.0, "D": 2.0, "E": 5.0, "F": 2.5})
    assert shown(gallery_in(tmp_path)) == (["B", "D"], ["C", "E"])
    assert sorted(path.name for path in (tmp_path / "lite").iterdir()) == ["B", "C", "D", "E"]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({}, ([], [])),
        ({"A": 1.0}, (["A"], [])),
        ({"A": 1.0, "B": 0.0, "C": 3.0}, (["B", "A"], ["C"])),
        ({"A": 1.0, "B": 0.0, "C": 3.0, "D": 2.0}, (["B", "A"], ["C", "D"])),
    ],
)
def test_of_few_songs_none_is_both_worst_and_best(tmp_path, scores, expected):
    consider(gallery_in(tmp_path), scores)
    assert shown(gallery_in(tmp_path)) == expected


@given(st.lists(st.integers(-3, 3), max_size=12), st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_songs(scores, count, rng: random.Random):
    ranks = [(float(score), f"song {n}") for n, score in enumerate(scores)]
    rng.shuffle(ranks)
    kept: list[tuple[float, str]] = []
    for rank in ranks:
        kept = lowest_and_highest([*kept, rank], count)
    assert kept == lowest_and_highest(ranks, count)


def test_equal_scores_are_ordered_by_name(tmp_path):
    consider(gallery_in(tmp_path, count=1), {"C": 1.0, "A": 1.0, "B": 1.0})
    assert shown(gallery_in(tmp_path)) == (["A"], ["C"])


def test_an_excerpt_comes_back_as_it_was_even_beyond_full_scale(tmp_path):
    a_song = song("A/B: <i>", seconds=7)
    a_song.targets[:, :, : 4 * RATE] *= 0.1
    estimates = 3 * a_song.targets
    gallery = gallery_in(tmp_path, seconds=2.0)
    gallery.consider(a_song, {"lite": take(gallery, a_song, estimates, 1.25)})
    [excerpt] = find_excerpts(tmp_path / "lite")
    assert (excerpt.song, excerpt.score, excerpt.stems) == ("A/B: <i>", 1.25, ("vocals", "other"))
    assert excerpt.begins >= 4
    where = slice(int(excerpt.begins) * RATE, int(excerpt.begins) * RATE + 2 * RATE)
    *signals, rate = excerpt.read()
    assert rate == RATE
    for signal, whole in zip(signals, (a_song.mixture, a_song.targets, estimates), strict=True):
        assert torch.equal(signal, whole[..., where])


def test_a_song_considered_again_has_its_new_excerpt_only(tmp_path):
    gallery = gallery_in(tmp_path, count=1)
    consider(gallery, {"A": 1.0, "B": 5.0})
    again = song("A")
    gallery.consider(again, {"lite": take(gallery, again, again.targets, 9.0)})
    assert shown(gallery) == (["B"], ["A"])
    assert torch.equal(find_excerpts(tmp_path / "lite")[-1].read()[1], again.targets)


def test_a_song_without_a_score_loses_its_old_excerpt(tmp_path):
    gallery = gallery_in(tmp_path)
    consider(gallery, {"A": 1.0, "B": math.nan})
    assert shown(gallery) == (["A"], [])
    consider(gallery, {"A": math.nan})
    assert shown(gallery) == ([], [])


def both(gallery: Gallery, scores: dict[str, tuple[float, float]]) -> None:
    """Consider songs under two methods."""
    for name, pair in scores.items():
        a_song = song(name)
        takes = {
            method: take(gallery, a_song, a_song.targets, score)
            for method, score in zip(gallery.methods, pair, strict=True)
        }
        gallery.consider(a_song, takes)


TWO = ("lite", "full")


def test_methods_have_excerpts_of_the_same_songs(tmp_path):
    gallery = gallery_in(tmp_path, count=1, methods=TWO)
    both(gallery, {"A": (1.0, 2.0), "B": (0.0, 9.0), "C": (4.0, 1.0), "D": (-1.0, 3.0)})
    assert [shown(gallery, method) for method in TWO] == [(["D"], ["B"]), (["D"], ["B"])]


def test_a_song_that_lacks_a_method_makes_room(tmp_path):
    gallery = gallery_in(tmp_path, count=1, methods=TWO)
    consider(gallery, {"A": -9.0, "B": 9.0})
    both(gallery, {"C": (1.0, 1.0)})
    assert shown(gallery)[0] + shown(gallery)[1] == ["A", "C"]
    both(gallery, {"D": (2.0, 2.0)})
    assert [shown(gallery, method) for method in TWO] == [(["C"], ["D"]), (["C"], ["D"])]


def test_a_method_that_is_added_has_the_songs_of_the_others(tmp_path):
    consider(gallery_in(tmp_path, count=1), {"A": 1.0, "B": 2.0, "C": 3.0})
    gallery = gallery_in(tmp_path, count=1, methods=TWO)
    consider(gallery, {"C": 5.0, "B": 0.0, "A": 4.0}, "full")
    assert [shown(gallery, method) for method in TWO] == [(["A"], ["C"]), (["A"], ["C"])]


def test_a_song_without_a_score_by_one_method_is_not_added(tmp_path):
    gallery = gallery_in(tmp_path, methods=TWO)
    both(gallery, {"A": (1.0, math.nan), "B": (1.0, 2.0)})
    assert [shown(gallery, method) for method in TWO] == [(["B"], []), (["B"], [])]


def test_what_an_earlier_evaluation_left_can_be_forgotten(tmp_path):
    consider(gallery_in(tmp_path, count=1), {"old": -50.0, "A": 1.0})
    gallery_in(tmp_path).keep_only("lite", ["A"])
    consider(gallery_in(tmp_path, count=1), {"B": 2.0, "C": 3.0})
    assert shown(gallery_in(tmp_path)) == (["A"], ["C"])


def test_threads_may_consider_songs_at_once(tmp_path):
    names = [f"song {n:02}" for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: consider(gallery_in(tmp_path), {name: float(name[-2:])}), names))
    assert shown(gallery_in(tmp_path)) == (names[:2], names[:-3:-1])


@pytest.fixture
def on_write(monkeypatch):
    """Something to be done, once, when the next excerpt begins to be written."""
    todo = []
    write = Excerpt.write

    def writing(*args):
        if todo:
            todo.pop()()
        write(*args)

    monkeypatch.setattr(Excerpt, "write", writing)
    return todo


def test_an_excerpt_is_written_without_the_lock(tmp_path, on_write):
    consider(gallery_in(tmp_path, count=1), {"A": 1.0, "B": 2.0})
    on_write.append(lambda: FileLock(tmp_path / LOCK).acquire(blocking=False).lock.release())
    consider(gallery_in(tmp_path, count=1), {"C": 3.0})
    assert not on_write
    assert shown(gallery_in(tmp_path)) == (["A"], ["C"])


@pytest.mark.parametrize(
    ("meanwhile", "expected"),
    [
        ({"D": 4.0}, (["A"], ["D"])),
        ({"D": 2.5}, (["A"], ["C"])),
        ({"C": 9.0}, (["A"], ["C"])),
    ],
)
def test_songs_added_during_a_write_count(tmp_path, on_write, meanwhile, expected):
    gallery = gallery_in(tmp_path, count=1)
    consider(gallery, {"A": 1.0, "B": 2.0})
    on_write.append(lambda: consider(gallery, meanwhile))
    consider(gallery, {"C": 3.0})
    assert not on_write
    assert shown(gallery) == expected
    assert sorted(path.name for path in (tmp_path / "lite").iterdir()) == sorted([*expected[0], *expected[1]])


def test_a_song_between_the_ends_is_not_written(tmp_path, on_write):
    gallery = gallery_in(tmp_path, count=1)
    consider(gallery, {"A": 1.0, "B": 3.0})
    on_write.append(lambda: pytest.fail("written"))
    consider(gallery, {"C": 2.0, "D": math.nan})
    assert shown(gallery) == (["A"], ["B"])


def test_where_writing_ends_early_the_gallery_is_as_before(tmp_path, on_write):
    gallery = gallery_in(tmp_path, count=1)
    consider(gallery, {"A": 1.0, "B": 3.0})

    def stop():
        raise KeyboardInterrupt

    on_write.append(stop)
    with pytest.raises(KeyboardInterrupt):
        consider(gallery, {"C": 4.0})
    assert sorted(path.name for path in (tmp_path / "lite").iterdir()) == ["A", "B"]


def test_what_a_killed_run_was_writing_is_no_excerpt_and_goes(tmp_path):
    gallery = gallery_in(tmp_path)
    consider(gallery, {"A": 1.0})
    shutil.copytree(tmp_path / "lite" / "A", tmp_path / "lite" / ".x.part" / "excerpt")
    shutil.copytree(tmp_path / "lite", tmp_path / ".y.part" / "excerpt" / "lite")
    assert shown(gallery) == (["A"], [])
    gallery.keep_only("lite", ["A"])
    assert [path.name for path in (tmp_path / "lite").iterdir()] == ["A"]
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_an_excerpt_may_be_read_by_whom_other_folders_may(tmp_path):
    consider(gallery_in(tmp_path), {"A": 1.0})
    (tmp_path / "other").mkdir()
    assert (tmp_path / "lite" / "A").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_folder_that_cannot_be_created_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.* cannot be written"):
        consider(gallery_in(tmp_path / "file"), {"A": 1.0})
