from pathlib import Path

import pytest

from bsroformer.data.layouts.musdb18 import validation_songs
from bsroformer.data.sources import FolderSource
from bsroformer.errors import InputError
from support.opened import find_splits

STEMS = ("vocals", "drums", "bass", "other")


def names(splits) -> tuple[list[str], ...]:
    return tuple([track.name for track in split] for split in (splits.train, splits.valid, splits.test))


def folder(root: Path | str | None, valid_songs=(), stems=STEMS, sample_rate: int = 44_100) -> FolderSource:
    return FolderSource(root, "folders", valid_songs, (), stems, sample_rate, channels=2)


def test_named_songs_of_a_folder_validate(songs_root):
    source = folder(songs_root, ["B"])
    source.make()
    assert names(find_splits(source)) == (["A", "C"], ["B"], ["D"])


def test_stems_have_the_requested_order(songs_root):
    assert find_splits(folder(songs_root, stems=("bass", "vocals"))).train[0].stems == ("bass", "vocals")


def test_the_word_musdb18_selects_the_official_songs(songs_root, tmp_path):
    (tmp_path / "train").mkdir()
    for name, song in (("A", "A"), (validation_songs()[0], "B")):
        (tmp_path / "train" / name).symlink_to(songs_root / "train" / song)
    assert names(find_splits(folder(tmp_path, "musdb18"))) == (["A"], [validation_songs()[0]], [])


def test_an_unsuitable_folder_is_refused(songs_root, tmp_path):
    with pytest.raises(InputError, match=r"set data\.root"):
        find_splits(folder(None))
    with pytest.raises(InputError, match="There is no data set folder"):
        find_splits(folder(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="should have 48000 Hz"):
        find_splits(folder(songs_root, sample_rate=48_000))


def test_one_word_is_a_list_of_one(songs_root, tmp_path):
    (tmp_path / "B").symlink_to(songs_root / "train" / "B")
    source = FolderSource(str(songs_root), "folders", "B", str(tmp_path), STEMS, 44_100, 2)
    assert names(find_splits(source)) == (["A", "C", f"{tmp_path.name}/B"], ["B"], ["D"])
    assert names(find_splits(FolderSource(str(songs_root), "folders", None, None, STEMS, 44_100, 2)))[1] == []


def test_an_unknown_validation_song_is_refused(songs_root):
    with pytest.raises(InputError, match=r"data\.valid_songs names X, and train has no such song"):
        find_splits(folder(songs_root, ["A", "X"]))
