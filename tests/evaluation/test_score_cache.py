import copy
import json
import random
from dataclasses import replace

import pytest
from made_scores import song_scores

from bsroformer.evaluation.methods import Mixture
from bsroformer.evaluation.score_cache import ScoreCache
from bsroformer.evaluation.scores import TrackScores
from bsroformer.metrics import METRICS
from support.rehearsal import make_song

SONG = make_song(0, 1.0).entry
STEMS = ("vocals", "drums")
NONSENSE = (None, -1, 0, True, "x", "", [], {}, [[]], {"a": {}}, 1e400, "../../x")


@pytest.fixture
def cache(tmp_path):
    folder = ScoreCache(tmp_path / "evaluation", STEMS, ("cSDR", "SIR", "uSDR"))
    scores = song_scores(SONG.name, 1.0, 2.0, stems=STEMS)
    folder.write(Mixture(), SONG, scores, folder.cache_key(Mixture(), SONG))
    return folder


def nodes(tree):
    """Every place of a tree: its parent, and the key in it."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield tree, key
        yield from nodes(child)


def test_damaged_scores_are_computed_again(cache):
    path = cache.path("mixture", SONG.name)
    tree = json.loads(path.read_text())
    assert cache.read(Mixture(), SONG) is not None
    draw = random.Random(0)
    for number in range(300):
        damaged = copy.deepcopy(tree)
        parent, key = draw.choice(list(nodes(damaged)))
        if number % 2:
            parent[key] = draw.choice(NONSENSE)
        else:
            del parent[key]
        path.write_text(json.dumps(damaged))
        scores = cache.read(Mixture(), SONG)
        assert scores is None or TrackScores.from_dict(scores.to_dict()).seconds_scored in (9, 10)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"song": 1}', "\0" * 100, '{"mark": NaN}'])
def test_files_without_scores_are_ignored_and_removed(cache, text):
    cache.path("mixture", SONG.name).write_text(text)
    assert cache.read(Mixture(), SONG) is None
    assert cache.remove_stale(Mixture(), [SONG]) == set()
    assert not cache.path("mixture", SONG.name).exists()


@pytest.mark.parametrize("evil", [{"song": "precious", "split": "victim"}, {"song": "../../precious", "split": ".."}])
def test_a_file_of_scores_removes_nothing_but_itself(cache, tmp_path, evil):
    for place in ("victim", "evaluation/museval/mixture/victim", "evaluation"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "precious.json").touch()
    there = set(tmp_path.rglob("*.json"))
    (cache.folder / "songs" / "mixture" / "evil.json").write_text(json.dumps({**evil, "mark": "x"}))
    cache.remove_stale(Mixture(), [SONG])
    assert set(tmp_path.rglob("*.json")) == there


def test_a_link_out_of_the_folder_is_not_followed_to_remove(cache, tmp_path):
    museval = cache.folder / "museval" / "mixture" / "valid"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "evil.json").touch()
    museval.symlink_to(tmp_path / "elsewhere")
    (cache.folder / "songs" / "mixture" / "evil.json").write_text("{}")
    cache.remove_stale(Mixture(), [SONG])
    assert (tmp_path / "elsewhere" / "evil.json").exists()


def test_scores_without_a_metric_added_later_are_computed_again(cache, monkeypatch):
    assert cache.read(Mixture(), SONG) is not None
    monkeypatch.setitem(METRICS, "later", replace(METRICS["uSDR"], name="later"))
    assert cache.read(Mixture(), SONG) is None


def test_scores_without_a_requested_metric_are_computed_again(cache):
    path = cache.path("mixture", SONG.name)
    tree = json.loads(path.read_text())
    for frames in tree["frames"].values():
        del frames["SIR"]
    path.write_text(json.dumps(tree))
    assert cache.read(Mixture(), SONG) is None
    assert replace(cache, metrics=("cSDR", "uSDR")).read(Mixture(), SONG) is not None
