from dataclasses import replace
from pathlib import Path

import pytest

from bsroformer.data import demo_source
from bsroformer.data.demo_songs import Sound
from bsroformer.data.demo_source import DemoSource
from bsroformer.errors import InputError
from support.opened import find_splits

STEMS = ("vocals", "drums", "bass", "other")


def demo(root: Path | str, valid_songs: int = 1) -> DemoSource:
    return DemoSource(str(root), 7, 3, valid_songs, 1, 22.0, STEMS, 44_100, 2)


@pytest.fixture
def rendered_root(songs_root, tmp_path):
    """A folder of rendered sets that holds the one of `demo`."""
    root = tmp_path / "sets"
    root.mkdir()
    demo(root).location.symlink_to(songs_root)
    return root


@pytest.mark.parametrize(("valid_songs", "train"), [(1, ["A", "B"]), (2, ["A"]), (0, ["A", "B", "C"])])
def test_the_last_demo_songs_validate(rendered_root, valid_songs, train):
    splits = find_splits(demo(rendered_root, valid_songs))
    names = [[track.name for track in split] for split in (splits.train, splits.valid, splits.test)]
    assert names == [train, ["A", "B", "C"][len(train) :], ["D"]]


def test_demo_songs_are_rendered_into_their_folder(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(demo_source, "render_demo_set", lambda *arguments: calls.append(arguments))
    monkeypatch.setenv("HOME", str(tmp_path))
    demo("~/songs").make()
    ((folder, *settings),) = calls
    assert folder.parent == tmp_path / "songs"
    assert settings == [7, 3, 1, 22.0, Sound()]


def test_every_version_of_the_demo_set_has_its_own_folder(monkeypatch):
    first = demo("songs").location
    assert first != DemoSource("songs", 8, 3, 1, 1, 22.0, STEMS, 44_100, 2).location
    monkeypatch.setattr(demo_source, "DEMO_VERSION", demo_source.DEMO_VERSION + 1)
    assert first != demo("songs").location


def test_another_sound_has_its_own_folder():
    songs = DemoSource("songs", 7, 3, 1, 1, 22.0, STEMS, 44_100, 2)
    plain = replace(songs, mixing="plain", soundfont="/fonts/Other GM.sf2")
    assert plain.location.name == f"{songs.location.name}-plain-Other GM"


def test_demo_songs_that_are_not_rendered_are_reported(tmp_path):
    with pytest.raises(InputError, match=r"There is no data set folder .*nowhere"):
        find_splits(demo(tmp_path / "nowhere"))
