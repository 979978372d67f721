import copy
import json
import random

import pytest
from made_scores import song_scores

from bsroformer.evaluation.methods import Mixture
from bsroformer.evaluation.score_cache import ScoreCache
from bsroformer.evaluation.scores import TrackScores
from rehearsal import make_song

SONG = make_song(0, 1.0).entry
STEMS = ("vocals", "drums")
NONSENSE = (None, -1, 0, True, "x", "", [], {}, [[]], {"a": {}}, 1e400, "../../x")


@pytest.fixture
def kept(tmp_path):
    folder = ScoreCache(tmp_path / "evaluation", STEMS, bss_eval=True)
    scores = song_scores(SONG.name, 1.0, 2.0, stems=STEMS)
    folder.write(Mixture(), SONG, scores, folder.mark(Mixture(), SONG))
    return folder


def nodes(tree):
    """Every place of a tree: its parent, and the key in it."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield tree, key
        yield from nodes(child)


def test_damaged_scores_are_computed_again(kept):
    path = kept.path("mixture", SONG.name)
    tree = json.loads(path.read_text())
    assert kept.read(Mixture(), SONG) is not None
    draw = random.Random(0)
    for number in range(300):
        damaged = copy.deepcopy(tree)
        parent, key = draw.choice(list(nodes(damaged)))
        if number % 2:
            parent[key] = draw.choice(NONSENSE)
        else:
            del parent[key]
        path.write_text(json.dumps(damaged))
        scores = kept.read(Mixture(), SONG)
        assert scores is None or TrackScores.from_dict(scores.to_dict()).seconds_scored in (9, 10)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"song": 1}', "\0" * 100, '{"mark": NaN}'])
def test_files_that_are_no_scores_are_ignored_and_removed(kept, text):
    kept.path("mixture", SONG.name).write_text(text)
    assert kept.read(Mixture(), SONG) is None
    assert kept.tidy(Mixture(), [SONG]) == set()
    assert not kept.path("mixture", SONG.name).exists()


@pytest.mark.parametrize("evil", [{"song": "precious", "split": "victim"}, {"song": "../../precious", "split": ".."}])
def test_a_file_of_scores_removes_nothing_but_itself(kept, tmp_path, evil):
    for place in ("victim", "evaluation/museval/mixture/victim", "evaluation"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "precious.json").touch()
    there = set(tmp_path.rglob("*.json"))
    (kept.folder / "songs" / "mixture" / "evil.json").write_text(json.dumps({**evil, "mark": "x"}))
    kept.tidy(Mixture(), [SONG])
    assert set(tmp_path.rglob("*.json")) == there


def test_a_link_out_of_the_folder_is_not_followed_to_remove(kept, tmp_path):
    museval = kept.folder / "museval" / "mixture" / "valid"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "evil.json").touch()
    museval.symlink_to(tmp_path / "elsewhere")
    (kept.folder / "songs" / "mixture" / "evil.json").write_text("{}")
    kept.tidy(Mixture(), [SONG])
    assert (tmp_path / "elsewhere" / "evil.json").exists()
